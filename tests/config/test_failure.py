from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from eksplora.config import compose_request
from eksplora.config.failure import as_ours

WINE = Path(__file__).parents[2] / "conf/experiment/wine_mlp.yaml"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("study: {n_trials: many}", "study.n_trials: 'many' is of the wrong type. Give a whole number."),
        ("study: {n_trials: 1.5}", "study.n_trials: '1.5' is of the wrong type. Give a whole number."),
        ("study: {n_trials: [1]}", "study.n_trials: '[1]' is of the wrong type. Give a whole number."),
        ("study: {n_seeds: null}", "study.n_seeds: 'None' is of the wrong type. Give a whole number."),
        ("study: {timeout_seconds: soon}", "study.timeout_seconds: 'soon' is of the wrong type. Give a number."),
        ("study: {versioned: many}", "study.versioned: 'many' is of the wrong type. Give true or false."),
        ("study: {name: [a]}", "study.name: '['a']' is of the wrong type. Give text."),
        ("study: {n_trials: {a: 1}}", "study.n_trials: '{'a': 1}' cannot stand for all of its keys. Set one of "),
        ("study: 3", "study: '3' cannot stand for all of its keys. Set one of study.batch, "),
        ("study: []", "study: '[]' cannot stand for all of its keys. Set one of study.batch, "),
        ("study: null", "study: has no value. Drop what removes it"),
        ("training: {engine: null}", "training.engine: 'None' is of the wrong type. Give text."),
        ("studie: {n_trials: 3}", "studie: no such key. Did you mean 'study'?"),
    ],
)
def test_a_value_of_the_wrong_kind_in_a_file_is_refused_as_a_typed_one(
    stated: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf/experiment").mkdir(parents=True)
    (tmp_path / "conf/experiment/mine.yaml").write_text(f"{WINE.read_text()}\n{stated}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises((HydraException, OmegaConfBaseException), match=r"full_key") as caught:
        compose_request("search", ["experiment=mine"])
    assert str(as_ours(caught.value, "search")).startswith(message)
