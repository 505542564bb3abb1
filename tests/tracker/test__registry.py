"""MLflow's real registry, with models whose files are made up."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import example_study as example
import pandas as pd
import pytest
from hanging_up import hanging_up
from mutating import TEXTS

from eksplora.errors import DataError, StorageError
from eksplora.events.spool import Spool
from eksplora.tracker._registry import MlflowRegistry
from eksplora.tracker.base import ModelToRegister
from eksplora.tracker.mlflow import MlflowTracker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

NAME = "eksplora-boston_mlp"
TABLE = pd.DataFrame({"rooms": [5.0, 6.5], "größe": [1.0, 2.0]})


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def registry(folder: Path) -> MlflowRegistry:
    return MlflowRegistry(f"sqlite:///{folder}/mlflow.db")


@pytest.fixture
def model(folder: Path) -> Callable[..., ModelToRegister]:
    """Makes a model of a study that MLflow shows."""

    def make(study: str, *, is_shown: bool = True, **facts: Any) -> ModelToRegister:
        if is_shown:
            (folder / study).mkdir(exist_ok=True)
            example.begin(Spool(folder / study / "spool.jsonl"), study_id=study)
            uri = f"sqlite:///{folder}/mlflow.db"
            tracker = MlflowTracker(uri=uri, database="unused", artifacts=str(folder / "artifacts"), timeout_seconds=30)
            tracker.sync(folder / study / "spool.jsonl", is_over=True)
        files = folder / f"files-{study}" / "model"
        files.mkdir(parents=True, exist_ok=True)
        (files / "confirmation.json").write_text(json.dumps(facts))
        (files / "member-0.safetensors").write_bytes(b"weights of " + study.encode())
        return ModelToRegister(
            name=NAME,
            experiment=example.EXPERIMENT,
            study=study,
            folder=files,
            loader="eksplora.inference.served",
            example=TABLE,
            predictions=pd.DataFrame({"prediction": [1.0, 2.0]}),
            description=f"The model of {study}.",
            tags={"metric": "val/mae"},
        )

    return make


Make = Callable[..., ModelToRegister]


def test_there_is_no_champion_before_there_is_a_model(registry: MlflowRegistry, model: Make) -> None:
    assert registry.champion(NAME) is None
    registry.add(model("aa"))
    assert registry.champion(NAME) is None, "a model, but nobody made it the champion"


def test_a_server_that_is_away_is_not_taken_for_one_without_a_champion() -> None:
    """Otherwise the next model would become one."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"Max retries exceeded"):
        MlflowRegistry("http://127.0.0.1:1").champion(NAME)
    with hanging_up() as server:
        with pytest.raises(MlflowException, match=r"Connection aborted"):
            MlflowRegistry(server.uri).champion(NAME)
        assert server.calls == 1, "by default it tries for minutes"


def test_a_model_is_added_once_per_study_and_is_the_challenger(registry: MlflowRegistry, model: Make) -> None:
    first = model("aa")
    assert [registry.add(first), registry.add(first), registry.add(model("bb")), registry.add(first)] == [
        "1",
        "1",
        "2",
        "1",
    ]
    client = registry._client
    assert {one.version for one in client.search_model_versions(f"name = '{NAME}'")} == {1, 2}
    assert client.get_model_version_by_alias(NAME, "challenger").version == 1, "the one that was added last"
    version = client.get_model_version(NAME, "2")
    assert (version.description, version.tags["metric"]) == ("The model of bb.", "val/mae")
    assert client.get_run(version.run_id).data.tags["eksplora.id"] == "bb"


def test_the_champions_confirmation_comes_back(registry: MlflowRegistry, model: Make) -> None:
    registry.add(model("aa", values=[1.0, 2.0]))
    registry.add(model("bb", values=[3.0]))
    registry.judge(NAME, "1", is_champion=True, why="the first")
    assert registry.champion(NAME) == ("1", {"values": [1.0, 2.0]})
    registry.judge(NAME, "2", is_champion=True, why="better")
    assert registry.champion(NAME) == ("2", {"values": [3.0]})


def test_a_champion_whose_confirmation_cannot_be_read_is_one_line(
    registry: MlflowRegistry, model: Make, folder: Path
) -> None:
    registry.add(model("aa", values=[1.0]))
    registry.judge(NAME, "1", is_champion=True, why="the first")
    kept = list(folder.rglob("data/model/confirmation.json"))
    assert kept
    shown = []
    for text in TEXTS:
        for path in kept:
            path.unlink()  # others may be links to it
            path.write_bytes(text)
        try:
            assert isinstance(registry.champion(NAME), tuple)
        except DataError as error:
            shown.append(str(error))
    assert len(shown) > len(TEXTS) / 2
    assert all("\n" not in text and text.endswith(" to a version that is whole, or remove it.") for text in shown)


def test_a_reason_is_noted_and_a_champion_keeps_the_one_that_it_became_so_for(
    registry: MlflowRegistry, model: Make
) -> None:
    def descriptions() -> dict[str, str]:
        return {str(one.version): one.tags["why"] for one in registry._client.search_model_versions(f"name = '{NAME}'")}

    registry.add(model("aa"))
    assert registry.judge(NAME, "1", is_champion=True, why="the first") == "the first"
    assert registry.judge(NAME, "1", is_champion=True, why="it is the champion already") == "the first"
    registry.add(model("bb"))
    assert registry.judge(NAME, "2", is_champion=False, why="worse") == "worse"
    assert registry.judge(NAME, "2", is_champion=False, why="still worse") == "still worse"
    assert descriptions() == {"1": "the first", "2": "still worse"}
    assert registry.judge(NAME, "2", is_champion=True, why="better") == "better"
    assert descriptions() == {"1": "the first", "2": "better"}


@pytest.mark.parametrize("asked", ["@challenger", "@champion", "/1"])
def test_a_models_files_come_back_as_they_were(
    asked: str, registry: MlflowRegistry, model: Make, tmp_path: Path
) -> None:
    known = model("aa", values=[1.0])
    registry.add(known)
    registry.judge(NAME, "1", is_champion=True, why="the first")
    (tmp_path / "fetched").mkdir()
    fetched = registry.fetch(f"models:/{NAME}{asked}", tmp_path / "fetched")
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == {
        path.name: path.read_bytes() for path in known.folder.iterdir()
    }


@pytest.mark.parametrize("asked", ["eksplora-other@champion", f"{NAME}@nobody", f"{NAME}/9", f"{NAME}/x", NAME, ""])
def test_a_model_that_is_not_there_is_answered_with_those_that_are(
    asked: str, registry: MlflowRegistry, model: Make, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"is not in MLflow's registry, which has no models\. Write models:/<name>@"):
        registry.fetch(f"models:/{asked}", tmp_path)
    registry.add(model("aa"))
    with pytest.raises(DataError, match=rf"is not in MLflow's registry, which has {NAME}\. Write models:/<name>@champ"):
        registry.fetch(f"models:/{asked}", tmp_path)


@pytest.mark.parametrize("is_experiment_there", [False, True])
def test_a_model_whose_study_mlflow_does_not_show_is_refused_with_the_way_out(
    is_experiment_there: bool, registry: MlflowRegistry, model: Make
) -> None:
    if is_experiment_there:
        model("another")
    with pytest.raises(
        StorageError, match=r"^MLflow has no run of the study that trained .* `make sync` brings it in;"
    ):
        registry.add(model("aa", is_shown=False))
    assert registry._client.search_model_versions(f"name = '{NAME}'") == []


def test_a_registered_model_has_signature_example_and_loader_and_no_code_of_mlflows(
    registry: MlflowRegistry, model: Make, tmp_path: Path
) -> None:
    import yaml

    registry.add(model("aa"))
    run = registry._client.get_model_version(NAME, "1").run_id
    held = Path(registry._client.download_artifacts(run, "model", str(tmp_path)))
    about = yaml.safe_load((held / "MLmodel").read_text())
    flavour = about["flavors"]["python_function"]
    assert (flavour["loader_module"], flavour["data"]) == ("eksplora.inference.served", "data/model")
    assert [one["name"] for one in json.loads(about["signature"]["inputs"])] == ["rooms", "größe"]
    assert [one["name"] for one in json.loads(about["signature"]["outputs"])] == ["prediction"]
    shown = json.loads((held / about["saved_input_example_info"]["artifact_path"]).read_text())
    assert shown == {"columns": ["rooms", "größe"], "data": TABLE.values.tolist()}
    assert "eksplora" in (held / "requirements.txt").read_text().split()
    assert not [path for path in held.rglob("*") if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".bin")]


def test_the_trackers_registry_answers_trouble_in_one_line(folder: Path, tmp_path: Path) -> None:
    away = MlflowTracker(uri="http://127.0.0.1:1", database="unused", artifacts="unused", timeout_seconds=1)
    message = r"^MLflow at http://127\.0\.0\.1:1 does not answer\. Fix that or set tracker\.uri, then give"
    with pytest.raises(StorageError, match=message), away.registry() as registry:
        registry.champion(NAME)
    nowhere = MlflowTracker(
        uri=f"sqlite:///{tmp_path}/none.db", database="unused", artifacts="unused", timeout_seconds=1
    )
    with pytest.raises(StorageError, match=r"none\.db is missing: nothing was tracked here"), nowhere.registry():
        pass
    assert not (tmp_path / "none.db").exists()
