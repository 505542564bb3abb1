"""Audits of small searches: with real workers, and real signals."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import confirming as here
import numpy as np
import pytest
import surviving
from waiting import until

from eksplora.errors import ConfigError
from eksplora.events import spool as spools
from eksplora.records.validation import read_validation

AUDIT = Path(__file__).parents[2] / "pipelines/audit.py"
OUTER, SEEDS = 2, 2
ASKED = (
    *("experiment=diabetes_mlp", "trainer.max_epochs=3", "scheduler=plateau", *here.QUICK),
    *("study.n_trials=2", "sampler=random", f"audit.outer={OUTER}", f"audit.n_seeds={SEEDS}", "confirm.best=1"),
)


@pytest.fixture(scope="module")
def audited(new_folder: Callable[[str], Path], prepared: str) -> tuple[Path, str]:
    """The folder of an audit that nothing disturbed, tracked, and what it printed."""
    surviving.warm_up()
    folder = new_folder("audited")
    with surviving.without_plots():
        return folder, here.run(folder, "audit", *ASKED, prepared)


def facts(folder: Path) -> dict[str, Any]:
    return here.facts(folder, "audit")


def members(folder: Path, study: str) -> list[dict[str, Any]]:
    """The members of a study's trials, as they were asked for."""
    return [member for trial in here.events(folder, study, "trial") for member in trial["members"]]


def rows_of(folder: Path, study: str) -> list[set[int]]:
    """The rows of the training part for which each member of a study left predictions."""
    found = [read_validation(path.parent) for path in (folder / "mlruns/studies" / study).rglob("validation.*")]
    assert found
    return [set(one.rows.tolist()) for one in found if one is not None]


def test_no_study_but_the_last_sees_an_outer_row_and_each_row_is_outer_once(audited: tuple[Path, str]) -> None:
    folder, _ = audited
    outer = []
    for split in facts(folder)["splits"]:
        (own, *others) = rows_of(folder, split["studies"]["final"])
        assert set(map(frozenset, others)) == {frozenset(own)} and len(own) == split["rows"]
        assert len(others) + 1 == SEEDS * len(here.events(folder, split["studies"]["final"], "trial"))
        for stage in ("search", "confirm"):
            assert not any(rows & own for rows in rows_of(folder, split["studies"][stage]))
        outer += sorted(own)
    assert sorted(outer) == [*range(354)]
    assert [split["inner_rows"] for split in facts(folder)["splits"]] == [177, 177]


def test_the_last_trainings_have_no_rows_to_validate_on(audited: tuple[Path, str]) -> None:
    """A plateau schedule and early stopping look at those that validate: the outer rows must not be among them."""
    folder, _ = audited
    for split in facts(folder)["splits"]:
        study = split["studies"]["final"]
        for member in here.events(folder, study, "member"):
            assert set(member["curves"]) == {"train/loss", "train/mae"}
        trials = here.events(folder, study, "trial")
        assert {trial["searched"]["configuration"] for trial in trials} == {"baseline", split["chosen"]}
        assert {trial["resolved"]["protocol"]["_target_"] for trial in trials} == {"eksplora.protocol.full"}


def test_values_are_those_of_the_predictions_for_outer_rows(audited: tuple[Path, str]) -> None:
    folder, _ = audited
    for split in facts(folder)["splits"]:
        study = split["studies"]["final"]
        trials = {trial["searched"]["configuration"]: trial for trial in here.events(folder, study, "trial")}
        for name, key in (("baseline", "own"), (split["chosen"], "outer")):
            files = (folder / "mlruns/studies" / study / "trials" / f"{trials[name]['trial']:04d}").rglob(
                "validation.*"
            )
            losses = [read_validation(path.parent).loss.mean() for path in sorted(files)]
            assert len(losses) == SEEDS and split[key] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_inner_searches_are_as_usual_but_for_their_rows(audited: tuple[Path, str]) -> None:
    folder, _ = audited
    first, second = (split["studies"] for split in facts(folder)["splits"])
    for stage, judges in (("search", "first"), ("confirm", "others")):
        ours, theirs = members(folder, first[stage]), members(folder, second[stage])
        assert [one["outer_fold"] for one in ours] == [0] * len(ours)
        assert [one | {"outer_fold": 1} for one in ours] == theirs
        assert {(one["outer_folds"], one["judges"]) for one in ours} == {(OUTER, judges)}
    assert {member["seed"] for member in members(folder, first["search"])}.isdisjoint(
        member["seed"] for member in members(folder, first["confirm"])
    )
    seeds = [[member["seed"] for member in trial["members"]] for trial in here.events(folder, first["final"], "trial")]
    assert len({tuple(own) for own in seeds}) == 1


def test_its_studies_hang_under_a_run_of_the_audit(audited: tuple[Path, str]) -> None:
    from mlflow import MlflowClient

    folder, _ = audited
    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    found = client.search_runs([one.experiment_id for one in client.search_experiments()], max_results=1000)
    (top,) = [run for run in found if run.data.tags["kind"] == "audit"]
    assert top.info.run_name == f"diabetes_mlp-audit-{OUTER}"
    below = {run.info.run_name for run in found if run.data.tags.get("mlflow.parentRunId") == top.info.run_id}
    assert below == {study for split in facts(folder)["splits"] for study in split["studies"].values()}


def test_what_it_says_is_printed_and_recorded(audited: tuple[Path, str]) -> None:
    folder, printed = audited
    known = facts(folder)
    assert known["headline"] in printed and "Outer split 2 of 2" in printed
    assert known["command"]["root"] == "audit" and known["provenance"]["data.train_features.sha256"]
    assert known["members"] == SEEDS and known["yields"]["scope"] == "data like these"


def test_the_same_command_again_trains_nothing(audited: tuple[Path, str], prepared: str, tmp_path: Path) -> None:
    folder, _ = audited
    here.copy(folder, tmp_path)
    trained, before = here.trained(tmp_path), facts(tmp_path)
    here.run(tmp_path, "audit", *ASKED, prepared, "tracker=off")
    assert here.trained(tmp_path) == trained
    after = facts(tmp_path)
    assert {**after, "command": None, "provenance": None} == {**before, "command": None, "provenance": None}


@pytest.mark.slow
def test_an_audit_that_is_killed_goes_on_and_trains_nothing_twice(
    audited: tuple[Path, str], prepared: str, tmp_path: Path
) -> None:
    def second_has_begun() -> bool:
        return any(
            event.kind == "member"
            for path in tmp_path.glob("mlruns/studies/*-2-of-2-*/spool.jsonl")
            for event in spools.read(path)
        )

    with chdir(tmp_path), surviving.command(AUDIT, *ASKED, prepared, "tracker=off") as process:
        until(second_has_begun, process=process)
        os.killpg(process.pid, signal.SIGKILL)
        surviving.finish(process)
    assert not (tmp_path / "results/diabetes_mlp/audit").exists()
    here.run(tmp_path, "audit", *ASKED, prepared, "tracker=off")
    known, undisturbed = facts(tmp_path), facts(audited[0])
    for key in ("headline", "yields", "own", "versus_own", "search_optimism", "confirm_optimism", "splits"):
        assert known[key] == undisturbed[key]
    assert max(Counter(here.trained(tmp_path)).values()) == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("audit.outer=1", r"audit\.outer must be a whole number of at least 2, got 1\. Try audit\.outer=10\."),
        ("audit.outer=355", r"audit\.outer=355 is more than the rows of the training part \(354\)\. Choose fewer"),
        ("audit.seed=-1", r"audit\.seed must be a whole number of at least 0, got -1"),
    ],
)
def test_outer_splits_that_cannot_be_are_refused(asked: str, says: str, prepared: str, tmp_path: Path) -> None:
    surviving.warm_up()
    with pytest.raises(ConfigError, match=says):
        here.run(tmp_path, "audit", *ASKED, prepared, "tracker=off", asked)
    assert not [*tmp_path.glob("mlruns/studies/*/spool.jsonl")]
