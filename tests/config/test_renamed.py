from collections.abc import Iterator
from pathlib import Path

import pytest

from eksplora.config import compose_request, renamed
from eksplora.config.files import CheckedFiles
from eksplora.errors import ConfigError
from eksplora.stage.spec import spec_of
from eksplora.study.definition import define

LINE = "study.n_members is called study.n_seeds now. The old name works in this version: write the new one.\n"


@pytest.fixture(autouse=True)
def _nothing_was_said() -> Iterator[None]:
    renamed._say.cache_clear()
    yield
    renamed._say.cache_clear()


def composed(folder: Path, content: str) -> object:
    (folder / "experiment").mkdir()
    (folder / "experiment/mine.yaml").write_text(f"# @package _global_\n{content}\n")
    return CheckedFiles("own", str(folder)).load_config("experiment/mine").config


@pytest.mark.parametrize("sign", ["", "++"])
def test_an_old_key_on_the_command_line_is_the_new_one_and_one_line_says_so(
    sign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    request = compose_request("search", [f"{sign}study.n_members=3"])
    assert request.settings.study.n_seeds == 3
    assert request.command.overrides[-1].endswith("study.n_seeds=3"), "it is recorded under the name of now"
    assert capsys.readouterr() == ("", f"warning: {LINE}")


def test_an_old_key_in_a_file_is_the_new_one_and_one_line_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert composed(tmp_path, "study: {seed: 1, n_members: 3}") == {"study": {"seed": 1, "n_seeds": 3}}
    assert capsys.readouterr().err == f"warning: {tmp_path}/experiment/mine.yaml: {LINE}"


def test_a_file_with_both_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: study\.n_members and study\.n_seeds are two names of one key"):
        composed(tmp_path, "study: {n_seeds: 2, n_members: 3}")


CARD = {"name": "made", "arrays": {}, "fingerprint": "0" * 64, "rows": {"train": 1}}


def test_a_study_keeps_its_identity_under_the_new_name() -> None:
    defined = []
    for key in ("n_members", "n_seeds"):
        spec = spec_of(compose_request("search", [f"study.{key}=2"]), "study")
        defined.append(define(spec, spec.configure({}), CARD))
    assert defined[0].fingerprint == defined[1].fingerprint
    recorded = {**defined[1].values, "study.n_members": 3}
    assert defined[1].differences(recorded) == ["study.n_seeds: 3 -> 2"], "recorded as ever, shown as it is called now"
