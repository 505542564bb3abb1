"""A chain of one-factor studies with the real parts: trained, recorded, reported, and checked against MLflow."""

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import yaml
from mutating import mutations
from spooling import plain
from surviving import without_plots

from eksplora.config import Request, compose_request
from eksplora.errors import ConfigError, DataError, EksploraError
from eksplora.events import spool as spools
from eksplora.exploration.chain import merged, read_exploration
from eksplora.exploration.numbers import RowResult, StudyResult, _judged, _row
from eksplora.installation import CONF
from eksplora.records.estimate import Estimate
from eksplora.stage.explore import explore, request_of
from eksplora.stage.paper_check import check, paper_check
from eksplora.statistics.bounded import estimate
from eksplora.statistics.decidable import least_p
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.judgement import Judgement
from eksplora.study.ledger import Ledger
from eksplora.study.setup import tracker_of

SMALL: dict[str, Any] = {
    "title": "Small | exploration",
    "experiment": "diabetes_mlp",
    "base": ["model=mlp_uniform", "model.layers=1"],
    "digits": 1,
    "budgets": {
        "smoke": {
            "members": 3,
            "test_rows": 50,
            "set": ["trainer.max_epochs=3", "study.workers=1", "study.threads=1"],
            "note": "few epochs, 3 members",
        }
    },
    "studies": {
        "units": {
            "says": "units",
            "carried": "2",
            "rows": {
                "2": {"set": ["model.units=2"], "reported": {"train": 50.0, "test": 51.0}},
                "64": {"set": ["model.units=64"], "reported": {"train": 40.0, "test": 45.0, "seconds": 2.5}},
            },
        },
        "optimizer": {
            "says": "optimizer",
            "carried": "adam",
            "rows": {
                "adam": {"set": ["optimizer=adam", "optimizer.lr=0.01"], "reported": {"test": 45.0}},
                "sgd": {"set": ["optimizer=sgd", "optimizer.lr=1.0e+20"], "reported": {"test": 46.0}},
            },
        },
    },
    "claims": {
        "more-units": {
            "study": "units",
            "says": "more units are better",
            "holds": {"better": {"rows": ["64"], "than": ["2"], "column": "test"}},
        },
        "optimizers": {
            "study": "optimizer",
            "says": "sgd is as good as what went before",
            "holds": {"alike": {"rows": ["sgd", "units/64"], "within": 1.0, "column": "test"}},
        },
    },
}


def asked(*overrides: str, exploration: Mapping[str, Any] = SMALL) -> Request:
    request = compose_request("explore", ["budget=smoke", *overrides])
    config = {**request.config, "exploration": dict(exploration)}
    return replace(request, config=config, choices={**request.choices, "exploration": "small"})


@pytest.fixture(scope="module")
def explored(new_folder: Callable[[str], Path]) -> Path:
    folder = new_folder("explored")
    with chdir(folder), without_plots():
        explore(asked())
    return folder


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results/paper/small/explore.json").read_text())
    return found


def test_each_study_hands_its_best_row_on_validation_data_to_the_next(explored: Path) -> None:
    shown = facts(explored)
    units, optimizer = shown["studies"]["units"], shown["studies"]["optimizer"]
    means = {name: row["summary"]["val"]["mean"] for name, row in units["rows"].items()}
    assert units["handed_on"] == units["winner"]["val"] == min(means, key=lambda name: means[name])
    adam = resolved(explored, optimizer["study"])["adam"]
    assert adam["model"]["units"] == int(units["handed_on"])
    assert (adam["optimizer"]["lr"], adam["model"]["layers"], adam["trainer"]["max_epochs"]) == (0.01, 1, 3)


def resolved(folder: Path, study: str) -> dict[str, dict[str, Any]]:
    events = spools.read(folder / "mlruns/studies" / study / "spool.jsonl")
    trials = [plain(event.body) for event in events if event.kind == "trial"]
    return {trial["searched"]["configuration"]: trial["resolved"] for trial in trials}


def test_numbers_are_those_of_the_members_and_every_row_has_the_same_seeds(explored: Path) -> None:
    seeds = set()
    for study in facts(explored)["studies"].values():
        ledger = Ledger("val/mae", "minimize")
        path = explored / "mlruns/studies" / study["study"] / "spool.jsonl"
        ledger.replay(event.body for event in spools.read(path))
        for row in study["rows"].values():
            trial = ledger.trials[row["trial"]]
            seeds.add(tuple(member.seed for member in trial.members))
            if row["status"] != "finished":
                continue
            results = [trial.results[index] for index in range(3)]
            assert row["members"]["val"] == [result.value for result in results]
            assert row["members"]["test"] == [result.test["test/mae"] for result in results]
            assert row["members"]["train"] == [result.test["train_eval/mae"] for result in results]
            gaps = [a - b for a, b in zip(row["members"]["test"], row["members"]["train"], strict=True)]
            assert row["members"]["gap"] == gaps
            assert row["summary"]["test"]["mean"] == fmean(row["members"]["test"])
    assert len(seeds) == 1


def test_a_row_that_diverged_has_its_status_and_leaves_claims_on_it_open(explored: Path) -> None:
    shown = facts(explored)
    sgd = shown["studies"]["optimizer"]["rows"]["sgd"]
    assert (sgd["status"], sgd["members"]) == ("diverged", {})
    claim = shown["claims"]["optimizers"]
    assert claim["finding"] == "not distinguishable"
    assert claim["evidence"][0].startswith("sgd ended as diverged: the loss was not finite")
    page = (explored / "results/paper/small/README.md").read_text()
    assert "| sgd |  | diverged | 46.0 | diverged | diverged | 0 |" in page


def test_everything_says_that_a_smoke_run_means_nothing(explored: Path) -> None:
    paper = explored / "results/paper"
    for path in (paper / "claims.md", paper / "small/README.md", *(paper / "small/tables").glob("*.[mt]*")):
        assert "SMOKE RUN" in path.read_text(), path
    assert "SMOKE RUN" in (paper / "small/plots/units.svg").read_text()
    assert "SMOKE RUN" in (paper / "small/plots/units.html").read_text()
    assert (paper / "small/tables/units.csv").read_text().splitlines()[1].startswith("smoke,units,2,train,50.0,")


def test_the_page_of_claims_has_each_with_its_verdict(explored: Path) -> None:
    page = (explored / "results/paper/claims.md").read_text()
    assert "claims of the reference explorations" not in page, "a smoke run is not counted"
    line = next(line for line in page.splitlines() if line.startswith("| more-units |"))
    assert "| **not distinguishable** | not distinguishable | new rows, trained on these | yes | about " in line
    told = facts(explored)["claims"]["more-units"]
    assert told["evidence"][0].startswith("test: 64 is not distinguishable from 2 on new rows, trained on these: ")
    page = (explored / "results/paper/small/README.md").read_text()
    assert "`new rows, trained on these` varies the rows that are judged on, and seeds" in page


def test_rows_of_the_validation_and_of_the_test_part_stand_behind_the_comparisons(explored: Path) -> None:
    """Members of a study have splits of their own by themselves, the test part in common."""
    row = facts(explored)["studies"]["units"]["comparisons"]
    scopes = {on: {one["scope"] for known in row[on].values() for one in known.values()} for on in ("val", "test")}
    assert scopes == {"val": {"data like these"}, "test": {"new rows, trained on these"}}


def test_runs_hang_under_one_run_of_the_exploration_and_stand_behind_every_row(explored: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{explored}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("diabetes_mlp")
    assert experiment is not None
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    (top,) = [run for run in runs.values() if run.data.tags["kind"] == "exploration"]
    assert top.info.run_name == facts(explored)["run"] == "small-exploration-smoke-validation"
    for study in facts(explored)["studies"].values():
        for name, row in study["rows"].items():
            trial = runs[row["run"]]
            assert trial.info.run_name == name
            parent = runs[trial.data.tags["mlflow.parentRunId"]]
            assert parent.info.run_name == study["study"]
            assert parent.data.tags["mlflow.parentRunId"] == top.info.run_id
            for value, member in zip(row["members"].get("test", []), row["member_runs"], strict=True):
                assert runs[member].data.metrics["test/mae"] == value
                assert runs[member].data.tags["mlflow.parentRunId"] == row["run"]


def test_the_check_passes_and_finds_an_altered_number(
    explored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = compose_request("paper_check", [])
    with chdir(explored):
        paper_check(request)
        assert "15 means over the members of 9 runs, all as recorded" in capsys.readouterr().out
        for name, old, new in (
            ("explore.json", '"mean": ', '"mean": 1'),
            ("README.md", "3 members", "4 members"),
            ("tables/units.csv", "units,2,test,51.0,", "units,2,test,51.0,1"),
        ):
            path = Path("results/paper/small") / name
            text = path.read_text()
            path.write_text(text.replace(old, new, 1))
            with pytest.raises(EksploraError, match=f"{name} does not follow from the runs in MLflow: line "):
                paper_check(request)
            path.write_text(text)
        paper_check(request)
        altered = Path("results/paper/small/rows.safetensors")
        content = altered.read_bytes()
        altered.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(DataError, match=r"rows\.safetensors is not the file that explore\.json was written with"):
            paper_check(request)
        altered.write_bytes(content)
        claims = Path("results/paper/claims.md")
        text = claims.read_text()
        claims.write_text(text.replace("not distinguishable", "replicated", 1))
        with pytest.raises(EksploraError, match=r"claims\.md does not follow from the runs in MLflow: line "):
            paper_check(request)
        claims.write_text(text)


@pytest.mark.parametrize("count", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_whatever_recorded_facts_say_they_are_checked_or_refused_in_one_line(
    count: int, explored: Path, tmp_path: Path
) -> None:
    copy, refused = shutil.copytree(explored / "results/paper/small", tmp_path / "small") / "explore.json", 0
    with chdir(explored), tracker_of(compose_request("paper_check", []).config).lookup() as lookup:
        for content in mutations(copy.read_text(), count):
            copy.write_bytes(content)
            try:
                check(copy, lookup)
            except EksploraError as error:
                assert "\n" not in str(error), error
                refused += 1
    assert refused > count


def test_the_same_command_trains_nothing_again_and_writes_the_same(explored: Path) -> None:
    paper = explored / "results/paper/small"
    before = {path: path.read_bytes() for path in sorted(paper.rglob("*")) if path.is_file()}
    with chdir(explored):
        explore(asked())
    assert {path: path.read_bytes() for path in sorted(paper.rglob("*")) if path.is_file()} == before


@pytest.mark.slow
def test_the_reported_row_is_handed_on_when_that_is_asked_for(tmp_path: Path) -> None:
    with chdir(tmp_path):
        explore(asked("carry=reported", "tracker=off"))
    shown = facts(tmp_path)
    assert shown["studies"]["units"]["handed_on"] == "2"
    assert resolved(tmp_path, shown["studies"]["optimizer"]["study"])["adam"]["model"]["units"] == 2
    assert shown["studies"]["units"]["rows"]["2"]["run"] == "", "nothing was tracked"


# --- what is asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("carry=best", "carry=best is unknown. Valid: reported, validation"),
        ("alpha=1.5", "alpha must be a number above 0 and below 1, got 1.5"),
        ("budget=huge", "budget=huge is none of small's"),
    ],
)
def test_settings_that_mean_nothing_are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        explore(asked(override))


def test_a_study_that_carries_and_a_claim_that_names_what_there_is_not_are_refused() -> None:
    studies = {**SMALL["studies"], "units": {**SMALL["studies"]["units"], "carried": "3"}}
    with pytest.raises(ConfigError, match=r"studies.units.carried: '3' is no row of it"):
        read_exploration("small", {**SMALL, "studies": studies}, "smoke")
    claims = {"wrong": {**SMALL["claims"]["more-units"], "study": "unitz"}}
    with pytest.raises(ConfigError, match=r"claims.wrong.study: Did you mean 'units'"):
        read_exploration("small", {**SMALL, "claims": claims}, "smoke")


@pytest.mark.parametrize(
    ("holds", "message"),
    [
        ({"bst": {"row": "2", "column": "test"}}, "a claim's form 'bst' is unknown"),
        ({"best": {"row": "3", "column": "test"}}, "a claim names the row '3'"),
        ({"best": {"row": "2", "column": "tset"}}, "a claim names the column 'tset'"),
        ({"all": []}, "a claim of the form 'all' joins none"),
        ({"better": {"rows": [], "than": ["2"], "column": "test"}}, "needs 1 or more rows, got"),
        ({"alike": {"rows": ["2"], "within": 1.0, "column": "test"}}, "needs 2 or more rows, got"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused_before_anything_is_trained(
    holds: dict[str, Any], message: str
) -> None:
    claims = {"wrong": {"study": "units", "says": "nothing", "holds": holds}}
    with pytest.raises(ConfigError, match=rf"^exploration\.claims\.wrong\.holds: .*{message}"):
        read_exploration("small", {**SMALL, "claims": claims}, "smoke")


def test_a_row_without_reported_numbers_is_refused_by_name() -> None:
    studies = {**SMALL["studies"], "units": {"says": "units", "carried": "2", "rows": {"2": {"set": []}}}}
    with pytest.raises(ConfigError, match=r"^exploration\.studies\.units\.rows\.2: has no reported\."):
        read_exploration("small", {**SMALL, "studies": studies}, "smoke")


def test_a_rival_that_did_not_finish_leaves_open_who_is_best() -> None:
    shown = {
        "adam": RowResult(0, "finished", "", {"test": [1.0 + i / 99 for i in range(8)]}),
        "rmsprop": RowResult(1, "finished", "", {"test": [3.0 + i / 99 for i in range(8)]}),
        "sgd": RowResult(2, "diverged", "the loss was not finite", {}),
    }
    asked = read_exploration("small", SMALL, "smoke")
    best = {
        "study": "optimizer",
        "says": "adam is best",
        "holds": {"all": [{"best": {"row": "adam", "column": "test"}}]},
    }

    def judge(rows: dict[str, RowResult]) -> Judgement:
        found = StudyResult(
            study="optimizer",
            id="",
            base="adam",
            rows=rows,
            winner={},
            metric="mae",
            direction="minimize",
            provenance={},
        )
        return _judged(replace(asked, claims={"best": best}), {"optimizer": found}, "best", "minimize", 0.05)

    judged = judge(shown)
    assert judged.finding == "not distinguishable"
    assert judged.evidence == ("sgd ended as diverged: the loss was not finite",)
    both = {name: row for name, row in shown.items() if name != "sgd"}
    assert judge(both).finding == "replicated"


def row_summary(row: RowResult) -> Mapping[str, Estimate]:
    study = StudyResult(
        study="units", id="1", base="a", rows={}, winner={}, metric="val/accuracy", direction="maximize", provenance={}
    )
    return _row(row, {}, study, {}).summary


def test_seconds_that_members_share_count_once() -> None:
    row = RowResult(0, "finished", "", {"seconds": [0.5] * 4 + [0.7] * 4, "val": [1.0] * 8})
    found = row_summary(row)
    assert (found["seconds"].n, found["val"].n) == (2, 8)
    equal = replace(row, columns={"seconds": [0.5] * 8, "val": [1.0] * 8})
    assert row_summary(equal)["seconds"] == Estimate(mean=0.5, n=1)


def test_a_value_whose_rows_are_known_has_an_interval_for_new_rows_within_the_bounds_of_its_measure() -> None:
    losses = np.ones((3, 40))
    losses[:, 0] = 0.0
    sample = Sample(losses.mean(1), np.zeros(3, dtype=np.int64), ratio=0.25, num_rows=160, losses=losses)
    columns = {"train": [0.99, 1.0, 1.0], "test": list(sample.values)}
    found = row_summary(RowResult(0, "finished", "", columns, {"test": sample}))
    assert found["train"].scope is None and found["train"].high is not None and found["train"].high > 1
    assert found["test"] == estimate(sample, "accuracy") and found["test"].scope == str(Scope.NEW_ROWS)
    # All three members are wrong on the same row: no spread over members, and yet one of 40 rows.
    assert found["test"].low is not None and found["test"].low < 0.95
    assert found["test"].high is not None and 0.975 < found["test"].high <= 1


def test_no_tables_to_check_is_reported(tmp_path: Path) -> None:
    with (
        chdir(tmp_path),
        pytest.raises(DataError, match=r"holds no exploration\. Run one: python pipelines/explore\.py"),
    ):
        paper_check(compose_request("paper_check", []))


def test_later_overrides_take_the_place_of_earlier_ones() -> None:
    assert merged(["model.units=4"], ["model.units=8"]) == ["model.units=8"]
    assert merged(["optimizer=sgd", "optimizer.lr=1.0"], ["optimizer=adam"]) == ["optimizer=adam"]
    assert merged(["model.units=4"], ["optimizer=adam"]) == ["optimizer=adam", "model.units=4"]


def test_how_it_runs_reaches_its_studies_and_changes_no_configuration() -> None:
    exploration = read_exploration("small", SMALL, "smoke")
    found = request_of(asked("study.workers=3", "study.threads=2"), exploration, [])
    usual = request_of(asked(), exploration, [])
    assert (found.settings.study.workers, found.settings.study.threads) == (3, 2)
    assert (usual.settings.study.workers, usual.settings.study.threads) == (None, None)
    assert {key for key in found.config if found.config[key] != usual.config[key]} == {"study"}
    with pytest.raises(ConfigError, match=r"study\.threads must be .*, got 0\."):
        explore(asked("study.threads=0"))


def test_what_a_study_sets_for_its_rows_is_not_carried(tmp_path: Path) -> None:
    studies = {**SMALL["studies"], "units": {**SMALL["studies"]["units"], "set": ["training.population=1"]}}
    found = read_exploration("small", {**SMALL, "studies": studies}, "smoke")
    assert [list(study.overrides) for study in found.studies] == [["training.population=1"], []]


# --- the reference explorations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "studies", "rows", "claims"), [("boston_mlp", 6, 36, 8), ("fashion_mnist_cnn", 8, 38, 10)]
)
def test_the_reference_explorations_are_whole(name: str, studies: int, rows: int, claims: int) -> None:
    node = yaml.safe_load((CONF / f"exploration/{name}.yaml").read_text())
    for budget in ("smoke", "standard", "full"):
        found = read_exploration(name, node, budget)
        assert (len(found.studies), sum(len(study.rows) for study in found.studies)) == (studies, rows)
        assert len(found.claims) == claims


@pytest.mark.parametrize("name", ["boston_mlp", "fashion_mnist_cnn"])
def test_the_full_budget_can_show_each_claim_and_refute_it_by_any_of_its_parts(name: str) -> None:
    """A member counts as a measurement of its own in times, too, where a study trains members by themselves."""
    exploration = read_exploration(name, yaml.safe_load((CONF / f"exploration/{name}.yaml").read_text()), "full")
    studies = {study.name: study for study in exploration.studies}
    for claim, content in exploration.claims.items():
        study = studies[content["study"]]
        is_timed = "'seconds'" in repr(content["holds"])
        members = exploration.budget.members
        assert not is_timed or "training.population=1" in study.overrides, claim
        shown, refuted = least_p(content["holds"], rows=len(study.rows), members=members)
        assert max(shown * len(exploration.claims), refuted) <= 0.05, (
            f"{claim}: {members} members reach {shown:g} and {refuted:g}"
        )


@pytest.mark.parametrize("name", ["boston_mlp", "fashion_mnist_cnn"])
def test_carried_as_reported_the_last_study_is_the_experiments_own_configuration(name: str) -> None:
    """The chain ends at the reference's final network, which `conf/experiment` states too."""
    from eksplora.stage.explore import configurations

    request = compose_request("explore", [f"exploration={name}", "budget=full"])
    exploration = read_exploration(name, request.config["exploration"], "full")
    chain = merged(exploration.base, *(study.rows[study.carried].overrides for study in exploration.studies))
    own = configurations(request, exploration, {"own": []})["own"]
    last = configurations(request, exploration, {"last": chain})["last"]
    for key in ("data", "task", "optimizer", "loss", "trainer", "initialization", "dropout"):
        assert {k: v for k, v in last[key].items() if k != "fused"} == {
            k: v for k, v in own[key].items() if k != "fused"
        }, key
