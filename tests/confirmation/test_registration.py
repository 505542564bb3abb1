"""Who becomes the champion: the judgement by itself, then a life of models in a real MLflow."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import confirming as here
import numpy as np
import pandas as pd
import pytest
import surviving

from eksplora.confirmation.registration import judged
from eksplora.inference import load_ensemble
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.record import from_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

NAME = "eksplora-diabetes_mlp"

# --- the judgement -----------------------------------------------------------------------------------------------


def facts(values: list[float], *, direction: str = "minimize", **changes: Any) -> dict[str, Any]:
    """How a model was confirmed, as the registry has it."""
    comparable = {
        "metric": "val/mae",
        "protocol": {"seed": 0},
        "members": [{"index": number, "seed": number, "fold": 0} for number in range(len(values))],
        "data": {"data.train_features.sha256": "aa"},
        "values": values,
    }
    return {"direction": direction, "alpha": 0.05, "comparable": comparable | changes}


def record(values: list[float], **changes: Any) -> ConfirmRecord:
    """The same as it is handed on."""
    rest = {
        **{"studies": {"final": "b"}, "provenance": {}, "experiment": "wine_mlp", "headline": "", "chosen": "baseline"},
        **{"metric": "val/mae", "configurations": [{"name": "baseline", "key": "", "values": {}}]},
        **{"final": {"key": "", "weights_sha256": []}},
    }
    return from_json(json.dumps(rest | facts(values, **changes)), ConfirmRecord, source="a test", way_out="")


SIX = [2.0, 2.5, 2.25, 2.125, 2.75, 2.375]
LOWER = [one - 1 + 0.1 * number for number, one in enumerate(SIX)]
MIXED = [one + (-1) ** number * 0.5 for number, one in enumerate(SIX)]


def test_the_first_model_is_the_champion() -> None:
    assert judged(record(SIX), None, "1") == (True, "the first model of this experiment")


def test_the_champion_stays_the_champion() -> None:
    assert judged(record(SIX), ("4", facts(LOWER)), "4")[0] is True


@pytest.mark.parametrize(
    ("direction", "values", "is_champion", "why"),
    [
        ("minimize", LOWER, True, "version 2 is better than the champion, version 1 on these rows: "),
        ("maximize", LOWER, False, "version 2 is worse than the champion, version 1 on these rows: "),
        ("minimize", MIXED, False, "version 2 is not distinguishable from the champion, version 1 on these rows: "),
        ("minimize", SIX, False, "version 2 is not distinguishable from the champion, version 1 on these rows: 0"),
    ],
)
def test_a_model_that_is_shown_to_be_better_takes_the_place_and_no_other(
    direction: str, values: list[float], is_champion: bool, why: str
) -> None:
    found = judged(record(values, direction=direction), ("1", facts(SIX, direction=direction)), "2")
    assert found[0] is is_champion and found[1].startswith(why)


def test_five_members_never_take_the_place_however_much_better() -> None:
    found = judged(record([0.0] * 5), ("1", facts([9.0] * 5)), "2")
    assert found[0] is False and "5 members cannot reach the 0.05 level" in found[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "val/rmse"},
        {"data": {"data.train_features.sha256": "bb"}},
        {"protocol": {"seed": 1}},
        {"members": [{"index": number, "seed": 7, "fold": 0} for number in range(6)]},
    ],
)
def test_what_does_not_compare_is_left_to_a_person(changes: Mapping[str, Any]) -> None:
    found = judged(record(LOWER, **changes), ("1", facts(SIX)), "2")
    assert found == (
        False,
        f"not comparable with the champion, version 1: other {next(iter(changes))}. "
        "Decide by hand: set the alias champion.",
    )


# --- a life in MLflow --------------------------------------------------------------------------------------------

BRIEF = ("experiment=diabetes_mlp", "trainer.max_epochs=1", *here.QUICK)


class Life:
    """An experiment that is confirmed again and again."""

    def __init__(self, folder: Path, prepared: str) -> None:
        from mlflow import MlflowClient

        self.folder, self._prepared = folder, prepared
        self.client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
        self.printed: dict[str, str] = {}
        self.registered: dict[str, dict[str, Any]] = {}

    def confirm(self, name: str, rate: float, members: int) -> None:
        """Confirm configurations with a learning rate: 0.0001 learns next to nothing, 0.03 much."""
        asked = [*BRIEF, f"optimizer.lr={rate}", self._prepared]
        here.pretend_search(self.folder, asked, {"data.batch_size": 16})
        self.printed[name] = here.run(self.folder, "confirm", *asked, f"study.n_seeds={members}")
        self.registered[name] = here.facts(self.folder, "confirm")["registered"]

    def version(self, number: str) -> Any:
        return self.client.get_model_version(NAME, number)


@pytest.fixture(scope="module")
def life(new_folder: Callable[[str], Path], prepared: str) -> Life:
    surviving.warm_up()
    life = Life(new_folder("life"), prepared)
    life.confirm("first", 0.0001, 5)
    life.confirm("first again", 0.0001, 5)
    life.confirm("like it", 0.0001000001, 5)
    life.confirm("of other members", 0.0001, 6)
    life.client.set_registered_model_alias(NAME, "champion", "3")  # decided by hand, as it is told to
    life.confirm("better", 0.03, 6)
    return life


def test_the_first_model_is_registered_as_the_champion_with_the_reason(life: Life) -> None:
    assert life.registered["first"] == {
        "name": NAME,
        "version": "1",
        "alias": "champion",
        "why": "the first model of this experiment",
        "run": life.version("1").run_id,
    }
    assert life.version("1").tags["why"] == "the first model of this experiment"
    shown = f"registry {NAME} version 1: champion; the first model of this experiment"
    assert shown in life.printed["first"]


def test_the_same_command_registers_no_second_version_and_keeps_the_reason(life: Life) -> None:
    assert life.registered["first again"] == life.registered["first"]
    assert sorted(int(one.version) for one in life.client.search_model_versions(f"name = '{NAME}'")) == [1, 2, 3, 4]


def test_a_model_that_cannot_be_distinguished_stays_the_challenger_with_the_reason(life: Life) -> None:
    found = life.registered["like it"]
    assert (found["version"], found["alias"]) == ("2", "challenger")
    assert "not distinguishable from the champion, version 1 on data like these" in found["why"]
    assert life.version("2").tags["why"] == found["why"]


def test_a_model_of_other_members_is_not_compared_and_says_so(life: Life) -> None:
    found = life.registered["of other members"]
    assert (found["version"], found["alias"]) == ("3", "challenger")
    assert found["why"].startswith("not comparable with the champion, version 1: other members. Decide by hand")


def test_a_better_model_takes_the_champions_place(life: Life) -> None:
    found = life.registered["better"]
    assert (found["version"], found["alias"]) == ("4", "champion")
    assert found["why"].startswith("version 4 is better than the champion, version 3 on data like these: -")
    assert found["why"].endswith(", 6 members")
    for alias in ("champion", "challenger"):
        assert str(life.client.get_model_version_by_alias(NAME, alias).version) == "4"
    assert life.version("4").tags["why"] == found["why"]


def test_a_version_says_what_was_chosen_and_leads_to_the_run_that_trained_it(life: Life) -> None:
    confirm = here.facts(life.folder, "confirm")
    version = life.version("4")
    assert (version.tags["metric"], version.tags["chosen"]) == ("val/mae", confirm["chosen"])
    assert version.description == confirm["headline"]
    run = life.client.get_run(version.run_id)
    assert run.info.run_name == confirm["studies"]["final"] and run.data.tags["kind"] == "study"
    assert life.client.get_registered_model(NAME).description == "Confirmed models of the experiment diabetes_mlp."


def test_no_file_of_a_registered_model_is_a_pickle(life: Life, tmp_path: Path) -> None:
    held = Path(life.client.download_artifacts(life.version("4").run_id, "model", str(tmp_path)))
    found = {str(path.relative_to(held)): path.read_bytes() for path in held.rglob("*") if path.is_file()}
    members = [f"data/model/member-{number}.safetensors" for number in range(6)]
    ours = {"data/model/config.yaml", "data/model/card.json", "data/model/confirmation.json", *members}
    assert ours <= set(found)
    assert {Path(name).suffix for name in set(found) - ours} <= {"", ".json", ".txt", ".yaml"}
    for name, content in found.items():
        assert not content.startswith((b"\x80", b"PK")), f"{name} is a pickle, or an archive as torch makes them"
    about = found["MLmodel"].decode()
    assert "loader_module: eksplora.inference.served" in about and "python_model" not in about


IN_A_FRESH_PROCESS = """
import json, sys, warnings
import pandas as pd
warnings.simplefilter("ignore")
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/eksplora-diabetes_mlp@champion")
model.predict(pd.read_csv("given.csv")).to_csv("predicted.csv", index=False)
example = model.input_example
model.predict(example).to_csv("example.csv", index=False)
signature = model.metadata.signature
print(json.dumps([signature.inputs.input_names(), [str(t) for t in signature.inputs.input_types()],
                  signature.outputs.input_names(), len(example)]))
"""


@pytest.mark.slow
def test_mlflow_loads_the_champion_in_a_fresh_process_with_signature_and_example(
    life: Life, prepared: str, tmp_path: Path
) -> None:
    features = np.load(Path(prepared.removeprefix("paths.data=")) / "prepared/diabetes/train_features.npy")[:40]
    names = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
    pd.DataFrame(features, columns=names)[names[::-1]].to_csv(tmp_path / "given.csv", index=False)
    words = [sys.executable, "-c", IN_A_FRESH_PROCESS, f"sqlite:///{life.folder}/mlruns/mlflow.db"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    known = load_ensemble(life.folder / "results/diabetes_mlp/confirm/model").predict(features)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "predicted.csv"), known, rtol=1e-9)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "example.csv"), known[:5], rtol=1e-6)
    assert json.loads(done.stdout.splitlines()[-1]) == [
        names,
        ["DataType.double"] * 10,
        ["prediction", "std", "lowest", "highest"],
        5,
    ]
