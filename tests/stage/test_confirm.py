"""Confirmations of small studies: with real workers, a real MLflow, and real signals."""

import csv
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import ANY

import confirming as here
import numpy as np
import pytest
import surviving
from waiting import until

from eksplora.config import Configurator, compose_request
from eksplora.confirmation.run import show
from eksplora.errors import ConfigError, DataError, EksploraError, StorageError, WorkerError
from eksplora.events import spool as spools
from eksplora.inference import load_ensemble
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.record import read
from eksplora.records.validation import read_validation

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

CONFIRM = Path(__file__).parents[2] / "pipelines/confirm.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty working folder, and warm workers."""
    surviving.warm_up()
    return tmp_path


def start_of(folder: Path, study: str) -> dict[str, Any]:
    """The first event of a study: what it is."""
    return next(spools.read(here.spool(folder, study))).data


def seeds(folder: Path, study: str) -> list[list[tuple[int, int]]]:
    """Seed and fold of the members of each trial."""
    trials = here.events(folder, study, "trial")
    return [[(member["seed"], member["fold"]) for member in trial["members"]] for trial in trials]


def rows_of(folder: Path, study: str) -> set[int]:
    """The rows that members of a study validated on."""
    found = [read_validation(path) for path in folder.glob(f"mlruns/studies/{study}/trials/*/member-*")]
    return {row for one in found if one is not None for row in one.rows.tolist()}


# --- what is tried, and on what ----------------------------------------------------------------------------------


def test_the_best_of_the_search_and_the_baseline_are_tried(diabetes: Path) -> None:
    search, confirm = here.facts(diabetes, "search"), here.facts(diabetes, "confirm")
    by_value = sorted(search["ranked"], key=lambda trial: trial["value"])
    assert len(by_value) == 4
    tried = {one["name"]: one for one in confirm["configurations"]}
    assert set(tried) == {*(f"trial-{trial['trial']}" for trial in by_value[:2]), "baseline"}
    for trial in by_value[:2]:
        known = tried[f"trial-{trial['trial']}"]
        assert (known["values"], known["key"]) == (trial["values"], trial["key"])
        assert known["found_by_search"] == trial["value"]
        assert known["optimism"]["mean"] == pytest.approx(known["estimate"]["mean"] - trial["value"], rel=1e-12)
    best = tried[f"trial-{by_value[0]['trial']}"]  # its optimism is divided by fresh seeds on the search's own rows
    again = [one["value"] for one in here.events(diabetes, confirm["studies"]["optimism"], "member")]
    assert len(again) == 3
    assert best["seed_luck"] == pytest.approx(np.mean(again) - by_value[0]["value"])
    assert best["seed_luck"] + best["row_luck"] == pytest.approx(best["optimism"]["mean"])


def test_no_member_of_the_search_is_met_again_and_all_candidates_have_the_same(diabetes: Path) -> None:
    search, confirm = here.facts(diabetes, "search"), here.facts(diabetes, "confirm")
    fresh, *others = seeds(diabetes, confirm["studies"]["confirm"])
    assert len(set(fresh)) == 3 and others == [fresh] * 2
    assert seeds(diabetes, confirm["studies"]["final"]) == [[(seed, 0) for seed, _ in fresh]]
    assert [fold for _, fold in fresh] == [0, 1, 2], "each member has a split of its own"
    rows = [rows_of(diabetes, study) for study in (search["study"], confirm["studies"]["confirm"])]
    assert rows[0] and rows[1] and not rows[0] & rows[1], "no row that judged the search judges what it found"
    met = {seed for trial in seeds(diabetes, search["study"]) for seed, _ in trial}
    assert met and not met & {seed for seed, _ in fresh}


def test_the_numbers_follow_from_what_the_members_gave(diabetes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = here.facts(diabetes, "confirm")
    names = {
        t["trial"]: t["searched"]["configuration"] for t in here.events(diabetes, facts["studies"]["confirm"], "trial")
    }
    values: dict[str, list[float]] = {name: [] for name in names.values()}
    for member in sorted(here.events(diabetes, facts["studies"]["confirm"], "member"), key=lambda one: one["member"]):
        values[names[member["trial"]]].append(member["value"])
    for one in facts["configurations"]:
        own = np.array(values[one["name"]])
        assert one["members"] == own.tolist()
        known = one["estimate"]
        assert (known["mean"], known["std"]) == (pytest.approx(own.mean(), rel=1e-12), pytest.approx(own.std(ddof=1)))
        assert known["low"] < known["mean"] < known["high"] and known["scope"] == "data like these"
    assert facts["chosen"] == min(values, key=lambda name: np.mean(values[name]))
    assert [one["estimate"]["mean"] for one in facts["configurations"]] == sorted(
        np.mean(own) for own in values.values()
    )
    folder = diabetes / "results/diabetes_mlp/confirm"
    show(read(folder / "confirm.json", ConfirmRecord, way_out=""), folder)
    assert "val/mae on fresh members; 95% intervals are for data like these" in " ".join(
        capsys.readouterr().out.split()
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    best = facts["configurations"][0]
    assert metrics == {
        "objective": best["estimate"]["mean"],
        "low": best["estimate"]["low"],
        "high": best["estimate"]["high"],
        "too_good_by": best["optimism"]["mean"],
    }


def test_curves_are_the_mean_and_the_spread_over_the_members_of_the_chosen(diabetes: Path) -> None:
    facts = here.facts(diabetes, "confirm")
    members = [
        member["curves"]["val/mae"]
        for member in here.events(diabetes, facts["studies"]["confirm"], "member")
        if member["value"] in facts["configurations"][0]["members"]
    ]
    with (diabetes / "results/diabetes_mlp/confirm/curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    for epoch, row in enumerate(rows):
        own = [curve[epoch] for curve in members if len(curve) > epoch]
        assert row["epoch"] == str(epoch + 1)
        assert float(row["val/mae"]) == pytest.approx(np.mean(own), rel=1e-9)
        assert float(row["val/mae_std"]) == pytest.approx(np.std(own, ddof=1), rel=1e-9)
    assert len(rows) == sorted(map(len, members))[-2], "an epoch needs two members"


# --- the final model ---------------------------------------------------------------------------------------------


def test_the_final_model_learns_from_every_row_for_as_long_as_validation_suggested(diabetes: Path) -> None:
    facts = here.facts(diabetes, "confirm")
    best = facts["configurations"][0]
    (trial,) = here.events(diabetes, facts["studies"]["final"], "trial")
    config = trial["resolved"]
    assert config["protocol"]["_target_"] == "eksplora.protocol.full"
    assert config["early_stopping"] == {"patience": None, "min_delta": 0.0, "restore_best_weights": False}
    budget = round(median(best["best_epochs"]))
    assert budget < 6, "the members stopped early, otherwise this would tell nothing"
    assert config["trainer"]["max_epochs"] == facts["final"]["epochs"] == budget
    ends = here.events(diabetes, facts["studies"]["final"], "member")
    steps = -(-354 // config["data"]["batch_size"])  # of an epoch over all 354 rows, the last batch included
    assert [(one["epochs"], one["step"]) for one in ends] == [(budget, budget * steps)] * 3


def test_the_final_model_is_the_chosen_configuration_in_all_else(diabetes: Path) -> None:
    facts = here.facts(diabetes, "confirm")
    model = load_ensemble(diabetes / "results/diabetes_mlp/confirm/model").config
    (root,) = {Path(model["data"]["root"])}
    configure = Configurator("confirm", [*here.DIABETES, f"paths.data={root}"])
    expected = configure(facts["configurations"][0]["values"])
    changed = ("protocol", "early_stopping", "trainer")
    assert {k: v for k, v in model.items() if k not in changed} == {
        k: v for k, v in expected.items() if k not in changed
    }
    assert model["trainer"] | {"max_epochs": 6} == expected["trainer"]


def test_the_model_has_the_weights_of_the_final_study_and_no_number_from_its_own_rows(diabetes: Path) -> None:
    facts = here.facts(diabetes, "confirm")
    model = diabetes / "results/diabetes_mlp/confirm/model"
    ends = sorted(here.events(diabetes, facts["studies"]["final"], "member"), key=lambda one: one["member"])
    assert facts["final"]["weights_sha256"] == [one["weights_sha256"] for one in ends]
    assert {path.name for path in model.iterdir()} == {
        "config.yaml",
        "card.json",
        "confirmation.json",
        *(f"member-{number}.safetensors" for number in range(3)),
    }
    assert set(facts["final"]) == {"key", "epochs", "seconds", "seeds", "weights_sha256"}


def test_facts_say_where_the_numbers_come_from(diabetes: Path) -> None:
    provenance = here.facts(diabetes, "confirm")["provenance"]
    for key in ("git.commit", "git.dirty", "lock.sha256", "dvc_lock.sha256", "code.sha256", "threads", "machine.cpu"):
        assert provenance[key]
    assert {key for key in provenance if key.startswith("data.")} == {
        f"data.{part}_{what}.sha256" for part in ("train", "test") for what in ("features", "targets")
    }


def test_mlflow_shows_both_studies_with_candidates_by_their_names(diabetes: Path) -> None:
    facts = here.facts(diabetes, "confirm")
    confirm = here.runs(diabetes, facts["studies"]["confirm"])
    for one in facts["configurations"]:
        assert confirm[one["name"]].data.metrics["objective"] == pytest.approx(one["estimate"]["mean"], rel=1e-12)
    assert set(here.runs(diabetes, facts["studies"]["final"])) == {
        facts["studies"]["final"],
        "trial-000",
        *(f"trial-000-member-{number}" for number in range(3)),
    }


# --- folds, several objectives ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wine(new_folder: Callable[[str], Path], prepared: str) -> tuple[Path, str]:
    """Scalings of wine's features on folds, all four searched, nothing tracked; and what was printed."""
    surviving.warm_up()
    folder = new_folder("wine")
    asked = [
        "experiment=wine_scaling",
        "protocol.folds=2",
        "trainer.max_epochs=4",
        *here.QUICK,
        "tracker=off",
        prepared,
    ]
    search = ["sampler=grid", "study.n_trials=null", "output=results/wine_scaling"]
    here.run(folder, "search", *asked, *search)
    return folder, here.run(folder, "confirm", *asked, "study.n_seeds=2", "confirm.best=4")


def test_on_folds_every_member_has_a_seed_of_its_own_and_the_final_model_every_row(wine: tuple[Path, str]) -> None:
    folder, _ = wine
    facts = here.facts(folder, "confirm")
    for members in seeds(folder, facts["studies"]["confirm"]):
        own = [seed for seed, _ in members]
        assert [fold for _, fold in members] == [0, 1, 0, 1] and len(set(own)) == 4
        assert seeds(folder, facts["studies"]["final"]) == [[(seed, 0) for seed in own[:2]]]
        assert facts["final"]["seeds"] == own[:2]
    assert {len(one["members"]) for one in facts["configurations"]} == {4}


def test_where_more_is_better_the_largest_mean_is_chosen_and_the_search_was_too_high(wine: tuple[Path, str]) -> None:
    facts = here.facts(wine[0], "confirm")
    means = [one["estimate"]["mean"] for one in facts["configurations"]]
    assert means == sorted(means, reverse=True) and facts["chosen"] == facts["configurations"][0]["name"]
    for one in facts["configurations"]:
        assert one["optimism"]["mean"] == pytest.approx(one["found_by_search"] - one["estimate"]["mean"], rel=1e-12)


def test_a_baseline_that_was_searched_is_trained_once_and_compared_with(wine: tuple[Path, str]) -> None:
    facts = here.facts(wine[0], "confirm")
    by_name = {one["name"]: one for one in facts["configurations"]}
    assert len(by_name) == 4 and by_name["baseline"]["values"] == {"data.scaling": "standard"}
    assert {name for name, one in by_name.items() if one["versus_baseline"]} == set(by_name) - {"baseline"}


def test_untracked_models_are_not_registered_and_nothing_is_said_of_it(wine: tuple[Path, str]) -> None:
    folder, printed = wine
    assert here.facts(folder, "confirm")["registered"] is None
    assert "registry" not in printed and "results/wine_scaling/confirm/model" in printed
    assert printed.startswith("\n" + here.facts(folder, "confirm")["headline"])


# --- the same command again ---------------------------------------------------------------------------------------


def test_what_proposes_and_prunes_in_a_search_changes_no_confirmation(
    diabetes: Path, prepared: str, folder: Path
) -> None:
    """One may give the overrides that the search was given."""
    here.copy(diabetes, folder)
    before, trained = here.facts(folder, "confirm"), here.trained(folder)
    searched_with = ["sampler=random", "pruner=median", "study.n_trials=4", "space.params.optimizer.lr=choice(1,2)"]
    here.run(folder, "confirm", *here.DIABETES, *here.MEMBERS["confirm"], prepared, "tracker=off", *searched_with)
    assert here.facts(folder, "confirm") == before | {"registered": None, "command": ANY}  # other words were typed
    assert here.trained(folder) == trained


def test_a_confirmation_that_is_evaluated_goes_through_once_more(diabetes: Path, prepared: str, folder: Path) -> None:
    """The study's spool ends with an evaluation then, which no driver knows."""
    here.copy(diabetes, folder)
    before = here.facts(folder, "confirm")
    here.run(folder, "confirm", *here.DIABETES, *here.MEMBERS["confirm"], prepared, "tracker=off")
    assert here.facts(folder, "confirm") == before | {"registered": None, "command": ANY}  # other words were typed


SLOW = ("experiment=diabetes_mlp", "trainer.max_epochs=50", "study.checkpoint_seconds=0.2", *here.QUICK)
"""An experiment that takes most of a second: it can be interrupted."""

RATES = ({"optimizer.lr": 0.02}, {"optimizer.lr": 0.01})


@pytest.fixture(scope="module")
def undisturbed(new_folder: Callable[[str], Path], prepared: str) -> Path:
    """The folder of a slow confirmation that nothing disturbed."""
    surviving.warm_up()
    folder = new_folder("undisturbed")
    here.pretend_search(folder, [*SLOW, prepared], *RATES)
    here.run(folder, "confirm", *SLOW, prepared, "study.n_seeds=2", "tracker=off")
    return folder


def without_times(folder: Path) -> dict[str, Any]:
    """What was confirmed, without the times."""
    facts = here.facts(folder, "confirm")
    for one in (*facts["configurations"], facts["final"]):
        del one["seconds"]
    return facts


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "results/diabetes_mlp").iterdir())


@pytest.mark.slow
def test_a_time_limit_hands_nothing_on_and_the_same_command_goes_on(
    undisturbed: Path, prepared: str, folder: Path
) -> None:
    here.pretend_search(folder, [*SLOW, prepared], *RATES)
    asked = [*SLOW, prepared, "study.n_seeds=2", "tracker=off"]
    with pytest.raises(
        EksploraError,
        match=r"(is not over: study\.timeout_seconds ended it\.|study\.timeout_seconds=0\.05 is over\.) The same",
    ):
        here.run(folder, "confirm", *asked, "study.timeout_seconds=0.05")
    assert left(folder) == ["search"]
    here.run(folder, "confirm", *asked)
    assert without_times(folder) == without_times(undisturbed)
    assert sorted(here.trained(folder)) == sorted(here.trained(undisturbed))


@pytest.mark.slow
def test_a_confirmation_that_is_terminated_hands_nothing_on_and_goes_on(
    undisturbed: Path, prepared: str, folder: Path
) -> None:
    here.pretend_search(folder, [*SLOW, prepared], *RATES)
    asked = [*SLOW, prepared, "study.n_seeds=2"]

    def is_begun() -> bool:
        return any(
            event.kind == "population"
            for path in folder.glob("mlruns/studies/*/spool.jsonl")
            for event in spools.read(path)
        )

    with chdir(folder), surviving.command(CONFIRM, *asked) as process:
        until(is_begun, process=process)
        os.killpg(process.pid, signal.SIGTERM)
        output = surviving.finish(process)
    assert process.returncode == 143, output
    assert output.splitlines()[-1] == "error: stopped; the same command goes on where it was left"
    assert left(folder) == ["search"]
    here.run(folder, "confirm", *asked, "tracker=off")
    assert without_times(folder) == without_times(undisturbed)
    assert max(Counter(here.trained(folder)).values()) == 1


def test_an_older_confirmation_stays_until_a_new_one_is_whole(diabetes: Path, prepared: str, folder: Path) -> None:
    here.copy(diabetes, folder)
    before = here.facts(folder, "confirm"), left(folder)
    asked = [*here.DIABETES, prepared, "study.n_seeds=4", "tracker=off"]
    with pytest.raises(EksploraError, match=r"(is not over|study\.timeout_seconds=0\.05 is over)"):
        here.run(folder, "confirm", *asked, "study.timeout_seconds=0.05")
    assert (here.facts(folder, "confirm"), left(folder)) == before


# --- what does not finish -----------------------------------------------------------------------------------------

BRIEF = ("experiment=diabetes_mlp", "trainer.max_epochs=1", "optimizer=sgd", "tracker=off", *here.QUICK)
DIVERGES = {"optimizer.lr": 1e20}


def test_a_candidate_that_diverges_is_not_chosen_and_stands_in_the_table(prepared: str, folder: Path) -> None:
    """The search had luck with it."""
    asked = [*BRIEF, "optimizer.lr=0.0001", prepared]
    here.pretend_search(folder, asked, DIVERGES)
    printed = here.run(folder, "confirm", *asked, "study.n_seeds=2")
    facts = here.facts(folder, "confirm")
    first, last = facts["configurations"]
    assert (facts["chosen"], first["name"], last["name"]) == ("baseline", "baseline", "trial-0")
    assert last["status"] == "diverged" and last["members"] == [] and last["message"]
    (line,) = [line for line in printed.splitlines() if line.lstrip().startswith("trial-0")]
    assert "diverged" in line
    assert facts["headline"].endswith("no configuration that the search found has a better mean.")


def test_where_all_diverge_there_is_one_line_and_nothing_is_handed_on(prepared: str, folder: Path) -> None:
    asked = [*BRIEF, "optimizer.lr=1e20", prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 1e21})
    with pytest.raises(WorkerError, match=r"^no trial finished \(2 diverged\); .* Lower the learning rate") as raised:
        here.run(folder, "confirm", *asked, "study.n_seeds=2")
    assert raised.value.exit_code == 1
    assert left(folder) == ["search"]


def test_a_model_that_diverges_on_all_rows_is_said_so(
    prepared: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eksplora.confirmation import run

    own = run.on_all_rows
    monkeypatch.setattr(
        run,
        "on_all_rows",
        lambda request, chosen: (config := own(request, chosen)) | {"optimizer": config["optimizer"] | {"lr": 1e20}},
    )
    asked = [*BRIEF, "optimizer.lr=0.0001", prepared]
    here.pretend_search(folder, asked, {"optimizer.lr": 0.0002})
    with pytest.raises(
        WorkerError, match=r"^the chosen configuration ended as diverged when it learned from all rows \("
    ):
        here.run(folder, "confirm", *asked, "study.n_seeds=2")
    assert left(folder) == ["search"]


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("confirm.best=0", r"^confirm\.best must be .*, got 0\. Try confirm\.best=3\.$"),
        ("confirm.alpha=0", r"^confirm\.alpha must be .*, got 0\.0\. Try "),
        ("confirm.alpha=1.0", r"^confirm\.alpha must be .*, got 1\.0\. Try "),
        ("output=null", r"^output: has no value\. Name the folder"),
        ("study.n_seeds=0", r"^study\.n_seeds must be .*, got 0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(override: str, message: str, prepared: str, folder: Path) -> None:
    here.pretend_search(folder, [*BRIEF, prepared], {"optimizer.lr": 0.1})
    with pytest.raises(ConfigError, match=message):
        here.run(folder, "confirm", *BRIEF, prepared, override)
    assert left(folder) == ["search"]


def test_a_confirmation_before_the_search_names_the_command(prepared: str, folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"the stage search has not ended\. Run .*search\.py experiment=diabetes_mlp output="
    ):
        here.run(folder, "confirm", *BRIEF, prepared)
    assert list(folder.iterdir()) == []


def test_with_other_overrides_than_the_search_had_a_confirmation_is_refused(
    diabetes: Path, prepared: str, folder: Path
) -> None:
    here.copy(diabetes, folder)
    with pytest.raises(DataError, match=r"of another configuration than the present files make of it"):
        here.run(folder, "confirm", *here.DIABETES, prepared, "trainer.max_epochs=7", "tracker=off")


def test_an_mlflow_that_cannot_be_used_is_one_line_and_the_same_command_goes_on(
    new_folder: Callable[[str], Path], prepared: str
) -> None:
    surviving.warm_up()
    folder = new_folder("broken")
    database = folder / "mlruns/mlflow.db"
    good = database.read_bytes()
    database.write_bytes(b"this is no database, and long enough to be read as one" * 40)
    asked = [*(text for text in BRIEF if text != "tracker=off"), "optimizer.lr=0.0001", prepared, "study.n_seeds=2"]
    asked.append("tracker.timeout_seconds=1")  # what is damaged stays so
    here.pretend_search(folder, asked, {"optimizer.lr": 0.0002})
    with pytest.raises(StorageError, match=r"^MLflow at \S+ is damaged, or no database\. .* same command again\.$"):
        here.run(folder, "confirm", *asked)
    assert left(folder) == ["search"]
    trained = here.trained(folder)
    database.write_bytes(good)
    printed = here.run(folder, "confirm", *asked)
    assert here.trained(folder) == trained and len(trained) == 8
    assert "registry eksplora-diabetes_mlp version 1: champion; the first model of this experiment" in printed
    final = here.facts(folder, "confirm")["studies"]["final"]
    assert {run.info.status for run in here.runs(folder, final).values()} == {"FINISHED"}


def test_a_confirmation_says_what_its_sentence_is_about(diabetes: Path) -> None:
    headline = here.facts(diabetes, "confirm")["headline"]
    assert headline.count("on data like these") == (1 if "no configuration" in headline else 2)


def test_confirm_takes_the_keys_of_a_search(prepared: str) -> None:
    settings = compose_request("confirm", [*here.DIABETES, prepared]).settings
    assert (settings.study.n_seeds, settings.confirm.best, settings.output) == (8, 3, "results/diabetes_mlp")
