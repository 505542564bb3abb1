"""LightningModules and functions of a user's own, as a worker trains them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import own_package
import pytest
from collecting import Collects

from eksplora.config import Configurator, forget, part
from eksplora.errors import ConfigError
from eksplora.types import Config, Job, Member, Status, Training
from eksplora.work import function, job, lightning

MEMBER = Member(index=0, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with a package and its configurations."""
    with pytest.MonkeyPatch.context() as patch:
        made = tmp_path_factory.mktemp("own")
        own_package.make(made, "worked")
        patch.chdir(made)
        patch.syspath_prepend(made)
        forget()
        yield made
    forget()


def resolved(*overrides: str) -> Config:
    config = Configurator("train", overrides)({})
    part(config, "data").prepare()
    return config


def job_of(config: Config, folder: Path, **changes: Any) -> Job:
    training = Training(0, MEMBER, config, str(folder / "member-0"))
    return replace(Job(0, [training], str(folder / "population"), 1, 1000.0), **changes)


# --- a LightningModule -------------------------------------------------------------------------------------------


def trained(config: Config, folder: Path, report: Collects | None = None) -> list[Any]:
    report = report or Collects()
    job.run("job", job_of(config, folder), report)
    return report.heard


def test_a_module_is_trained_by_its_own_steps_and_judged_by_its_forward(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=lit")
    said = job.run("check", config, Collects())
    assert said is not None and said.idle == lightning.IDLE
    assert said.notice.startswith("worked.module.Module is a LightningModule: its own steps and optimizers train it")
    (result,) = trained(config, tmp_path)
    assert (result.status, result.epochs, len(result.curves["val/loss"])) == (Status.FINISHED, 3, 3)
    assert result.value == result.curves["val/accuracy"][-1]
    assert (tmp_path / "member-0/weights.safetensors").is_file()
    assert (tmp_path / "member-0/validation.safetensors").is_file(), "rows are compared by its forward's outputs"


def test_it_goes_on_from_its_last_epoch_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=lit")
    (once,) = trained(config, tmp_path / "once")
    assert trained(config, tmp_path / "twice", Collects(stop_after_epoch=2)) == []
    (again,) = trained(config, tmp_path / "twice")
    assert [one.name for one in (tmp_path / "twice/population").glob("*.ckpt")] == []
    assert (again.epochs, again.curves, again.weights_sha256) == (3, once.curves, once.weights_sha256)


def test_killed_inside_an_epoch_it_goes_on_from_the_checkpoint_before(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = resolved("experiment=lit")
    (once,) = trained(config, tmp_path / "once")

    class Asks(Collects):
        def stop_requested(self) -> bool:
            return len(list((tmp_path / "twice/population").glob("*.json"))) > 0

    often = job_of(config, tmp_path / "twice", checkpoint_seconds=0.0)
    job.run("job", often, asks := Asks())
    assert asks.heard == []
    (again,) = trained(config, tmp_path / "twice")
    assert (again.epochs, again.curves, again.weights_sha256) == (3, once.curves, once.weights_sha256)


def test_a_pruner_ends_it_and_members_are_given_back_one_by_one(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=lit")
    (result,) = trained(config, tmp_path, Collects(prune_member=0))
    assert (result.status, result.epochs, result.weights) == (Status.PRUNED, 1, None)
    one = job_of(config, tmp_path)
    report = Collects()
    job.run("job", replace(one, trainings=[*one.trainings, replace(one.trainings[0], trial=1)]), report)
    assert report.heard == [(1, "a LightningModule is trained by its own steps")]


def test_the_objective_may_be_what_it_logs(folder: Path, tmp_path: Path) -> None:
    config = resolved(
        "experiment=lit", "objective.metric=score", "objective.direction=minimize", "model.logs=val/score"
    )
    (result,) = trained(config, tmp_path)
    assert result.value == result.curves["val/score"][-1] and "val/accuracy" not in result.curves


def test_one_that_neither_logs_the_objective_nor_predicts_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=lit", "model=silent")
    said = job.run("check", config, Collects())
    assert said is not None and said.notice.endswith("its forward returns a tuple, the task wants [2, 2]")
    with pytest.raises(
        ConfigError, match=r"^model: Silent logs no 'val/accuracy' \(it logs nothing\), and its forward"
    ):
        trained(config, tmp_path)


# --- a function --------------------------------------------------------------------------------------------------


def called(config: Config, folder: Path, report: Collects | None = None) -> list[Any]:
    report = report or Collects()
    function.run("job", job_of(config, folder), report)
    return report.heard


def test_a_function_reports_epochs_and_its_predictions_are_kept(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=near", "function.rate=0.4")
    assert set(config) - {"paths"} == {"experiment", "data", "task", "metric", "objective", "protocol", "function"}
    said = function.run("check", config, Collects())
    assert said is not None and said.notice.startswith("worked.functions.nearest is a function: ")
    (result,) = called(config, tmp_path)
    assert (result.status, result.epochs, result.weights) == (Status.FINISHED, 3, None)
    assert result.value == pytest.approx(result.curves["val/accuracy"][-1])
    assert (tmp_path / "member-0/validation.safetensors").is_file()
    (again,) = called(config, tmp_path)
    assert again.curves == result.curves


def test_a_function_ends_where_the_driver_says_so(folder: Path, tmp_path: Path) -> None:
    config = resolved("experiment=near")
    (pruned,) = called(config, tmp_path, Collects(prune_member=0))
    assert (pruned.status, pruned.epochs, pruned.value) == (Status.PRUNED, 1, None)
    assert called(config, tmp_path, Collects(stop_after_epoch=2)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", r"function: worked\.functions\.nothing gave NoneType as value\. Give the objective, a number\."),
        ("words", r"function: worked\.functions\.words gave str as value\. Give the objective, a number\."),
        ("raises", r"function: .*raises raised KeyError: 'missing' at .*worked/functions\.py:27\. Correct it\."),
        ("leaves", r"function: worked\.functions\.leaves raised SystemExit: 3 at .*functions\.py:30\. Correct it\."),
        ("boasts", r"function: it returned 1, but val/accuracy of its predictions is 0\.\d+\. Return None and .*"),
        (
            "flat",
            r"function: its predictions are float64 of shape \[3, 1\]\. Return numbers of shape \[\d+, 2\], .*",
        ),
    ],
)
def test_what_a_function_does_wrong_is_one_line(folder: Path, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}$"):
        called(resolved("experiment=near", f"function={name}"), tmp_path)


def test_a_value_that_is_no_finite_number_is_a_diverged_member(folder: Path, tmp_path: Path) -> None:
    (result,) = called(resolved("experiment=near", "function=undefined"), tmp_path)
    assert (result.status, result.value, result.message) == (Status.DIVERGED, None, "the value is not finite")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("takes_one", r"function: worked\.functions\.takes_one\(config\) cannot be called with config, seed, .*"),
        ("class", r"function: worked\.functions\.Class is a type\. Give a function: def train\(config, .*\)\."),
    ],
)
def test_a_function_is_checked_before_a_study_begins(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}$"):
        function.check(resolved("experiment=near", f"function={name}"))
