"""Populations as a driver hands them out: packed, split, isolated after a failure, pruned, and resumed as they were."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest
import surviving as here
from waiting import at_a_random_moment, until

from eksplora.errors import WorkerError
from eksplora.study.ending import MOST_DEATHS, MOST_DEATHS_TOGETHER

ONE_KIND = ("~space.params.data.batch_size", "~space.params.model.widths", "~space.params.model.activation")
BASE = ("experiment=boston_mlp", "sampler=random", "study.n_trials=20", "trainer.max_epochs=4", "study.workers=2")


@pytest.fixture(autouse=True)
def _workplace(workplace: Path) -> None:
    """All tests here work in an empty folder with warm workers."""


def begun(folder: Path | str = ".") -> list[list[list[int]]]:
    """What went to workers: (trial, member) of each population, in the order of numbers."""
    found = {data["population"]: data["trainings"] for data in here.events("population", folder)}
    return [found[number] for number in sorted(found)]


def trained() -> Counter[str]:
    """How often each epoch was trained: `trial member epoch`."""
    return Counter(Path("epochs.log").read_text().splitlines())


def statuses() -> list[str]:
    return [row["status"] for row in here.table()]


# --- packing -----------------------------------------------------------------------------------------------------


def test_trials_that_differ_in_numbers_go_as_one_population_to_each_worker(prepared: str) -> None:
    here.study(*BASE, *ONE_KIND, prepared)
    assert begun() == [[[number, 0] for number in part] for part in (range(10), range(10, 20))]
    assert statuses() == ["finished"] * 20
    assert {data["engine"] for data in here.events("member")} == {"fused"}


def test_results_are_those_of_trainings_by_themselves(prepared: str) -> None:
    here.study(*BASE, *ONE_KIND, "study.n_seeds=3", prepared)
    assert max(map(len, begun())) > 3
    alone = here.undisturbed(*BASE, *ONE_KIND, "study.n_seeds=3", "training.engine=single", prepared)
    assert here.table() == alone
    assert set(map(len, begun("undisturbed"))) == {1}


def test_members_are_seeds_times_folds_and_each_has_a_seed_of_its_own(
    prepared: str, capfd: pytest.CaptureFixture[str]
) -> None:
    here.study(*BASE, "study.n_trials=2", "study.n_seeds=2", "protocol=kfold", "protocol.folds=3", prepared)
    first, second = (data["members"] for data in here.events("trial"))
    assert first == second
    assert [(member["index"], member["fold"]) for member in first] == [(n, n % 3) for n in range(6)]
    assert len({member["seed"] for member in first}) == 6
    assert [row["members"] for row in here.table()] == ["6", "6"]
    assert "Values are means over 2 seeds x 3 folds; std is their spread." in capfd.readouterr().out


def test_only_the_best_trials_weights_are_kept_and_no_checkpoint(prepared: str) -> None:
    here.study(*BASE, *ONE_KIND, "study.n_seeds=2", prepared)
    study = Path("mlruns/studies/study")
    best = min(here.table(), key=lambda row: float(row["val/mae"]))["trial"]
    weights = [f"trials/{int(best):04d}/member-{member}/weights.safetensors" for member in (0, 1)]
    assert sorted(str(path.relative_to(study)) for path in study.glob("trials/*/*/weights.safetensors")) == weights
    assert {int(path.name) for path in (study / "trials").iterdir()} >= {int(best)}
    assert list((study / "populations").iterdir()) == []


# --- split -------------------------------------------------------------------------------------------------------


def test_a_population_that_is_given_back_goes_on_in_parts_and_later_ones_are_cut_at_once(
    prepared: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("split").write_text("3")
    many = [*BASE, *ONE_KIND, "study.batch=10", "study.workers=1", prepared]
    here.study(*many)
    assert [len(keys) for keys in begun()] == [10, 3, 3, 2, 2, 3, 3, 2, 2], "only the first was handed out whole"
    cut = [data for data in here.events("packed") if data["replaced"]]
    assert [data["replaced"] for data in cut] == [[0], [5]]
    assert {data["reason"] for data in cut} == {"pretended to be too large"}
    assert capfd.readouterr().err.count("pretended to be too large") == 1
    assert statuses() == ["finished"] * 20
    assert set(trained().values()) == {1}
    Path("split").unlink()
    assert here.table() == here.undisturbed(*many)


def test_members_that_cannot_go_together_are_spread_over_the_workers(prepared: str) -> None:
    Path("split").write_text("1")
    here.study(*BASE, "study.n_trials=1", "study.n_seeds=4", "trainer.max_epochs=30", prepared)
    assert [len(keys) for keys in begun()] == [4, 1, 1, 1, 1]
    turns = [line.split()[1] for line in Path("epochs.log").read_text().splitlines()]
    changes = sum(one != other for one, other in pairwise(turns))
    assert changes > 3, "two members are trained at once: one after the other there are three changes"
    assert {data["engine"] for data in here.events("member")} == {"single"}


def test_a_single_training_that_is_given_back_fails_instead_of_going_round(prepared: str) -> None:
    Path("split").write_text("0")  # no size that any population has
    with pytest.raises(WorkerError, match="trials failed"):
        here.study(*BASE, "study.max_failures=0", "training.engine=single", prepared)
    assert "failed" in statuses()


# --- failure -----------------------------------------------------------------------------------------------------


def test_a_trial_that_kills_its_population_fails_alone(prepared: str) -> None:
    Path("fall").write_text("3 99")
    here.study(*BASE, *ONE_KIND, prepared)
    assert statuses() == [*["finished"] * 3, "failed", *["finished"] * 16]
    assert Path("fall").read_text() == f"3 {99 - MOST_DEATHS_TOGETHER - MOST_DEATHS}"
    [failed] = [data for data in here.events("trial_end") if data["status"] == "failed"]
    assert failed["message"].startswith(
        f"the worker died {MOST_DEATHS} times (SIGKILL: most often memory had run out). "
    )
    Path("fall").unlink()
    expected = here.undisturbed(*BASE, *ONE_KIND, prepared)
    assert [row for row in here.table() if row["trial"] != "3"] == [row for row in expected if row["trial"] != "3"]
    assert here.counted_once()


def test_a_population_goes_on_from_its_checkpoint_when_its_worker_dies(prepared: str) -> None:
    Path("fall").write_text("3 1")
    here.study(*BASE, *ONE_KIND, prepared)
    assert statuses() == ["finished"] * 20
    assert [len(keys) for keys in begun()] == [10, 10]
    again = {key: count for key, count in trained().items() if count > 1}
    assert again == {f"{number} 0 3": 2 for number in range(10)}, "only the epoch in which it died comes again"


@pytest.mark.parametrize(("file", "message"), [("refuse", "model.widths: trial 3 is refused"), ("raise", "is broken")])
def test_a_trial_that_cannot_be_trained_fails_alone(file: str, message: str, prepared: str) -> None:
    Path(file).write_text("3")
    here.study(*BASE, *ONE_KIND, "study.n_seeds=2", prepared)
    assert statuses() == [*["finished"] * 3, "failed", *["finished"] * 16]
    [failed] = [data for data in here.events("trial_end") if data["status"] == "failed"]
    assert message in failed["message"]
    assert here.counted_once()


def test_a_diverged_member_leaves_the_others_of_its_population_alone(prepared: str) -> None:
    Path("diverge").write_text("3 1")
    here.study(*BASE, *ONE_KIND, "study.n_seeds=3", prepared)
    assert statuses() == [*["finished"] * 3, "diverged", *["finished"] * 16]
    ends = {(data["trial"], data["member"]): data["status"] for data in here.events("member")}
    assert Counter(ends.values()) == {"finished": 59, "diverged": 1}
    Path("diverge").unlink()
    expected = here.undisturbed(*BASE, *ONE_KIND, "study.n_seeds=3", prepared)
    assert [row for row in here.table() if row["trial"] != "3"] == [row for row in expected if row["trial"] != "3"]


def test_members_of_a_trial_that_ended_early_are_not_begun(prepared: str) -> None:
    Path("diverge").write_text("0 0")
    here.study(*BASE, "study.n_trials=2", "study.n_seeds=3", "study.workers=1", "training.engine=single", prepared)
    assert statuses() == ["diverged", "finished"]
    assert {line.rpartition(" ")[0] for line in trained()} == {"0 0", "1 0", "1 1", "1 2"}


# --- pruning -----------------------------------------------------------------------------------------------------

JUDGED = (
    *BASE[:2],
    *("pruner=median", "pruner.n_startup_trials=2", "pruner.n_warmup_steps=2", "study.n_seeds=3"),
    *("study.n_trials=16", "trainer.max_epochs=8", "study.workers=1"),
)


def test_a_pruned_trial_ends_with_all_its_members_and_leaves_its_population_alone(prepared: str) -> None:
    here.study(*JUDGED, *ONE_KIND, prepared)
    assert {len(keys) for keys in begun()} == {12}, "four trials of three members go together"
    ends: dict[int, set[tuple[str, int]]] = {}
    for data in here.events("member"):
        ends.setdefault(data["trial"], set()).add((data["status"], data["epochs"]))
    assert all(len(found) == 1 for found in ends.values())
    pruned = {row["trial"] for row in here.table() if row["status"] == "pruned"}
    assert 0 < len(pruned) < 16


def test_a_trial_is_judged_by_the_mean_of_its_members(prepared: str) -> None:
    here.study(*JUDGED, *ONE_KIND, prepared)
    curves = {(data["trial"], data["member"]): data["curves"]["val/mae"] for data in here.events("member")}
    verdicts = [tuple(verdict) for data in here.events("judged") for verdict in data["verdicts"]]
    for trial, epoch, value, _ in verdicts:
        assert value == fmean(curves[trial, member][epoch - 1] for member in range(3))
    assert len({verdict[:2] for verdict in verdicts}) == len(verdicts) == sum(len(curves[n, 0]) for n in range(16))


def test_a_member_that_stopped_early_is_judged_by_its_last_value(prepared: str) -> None:
    Path("stop_early").write_text("0 0")
    here.study(*JUDGED, *ONE_KIND, prepared)
    curves = {(data["trial"], data["member"]): data["curves"]["val/mae"] for data in here.events("member")}
    assert len(curves[0, 0]) == 2
    shown = {verdict[1]: verdict[2] for data in here.events("judged") for verdict in data["verdicts"] if not verdict[0]}
    last = {1: curves[0, 0][0]} | dict.fromkeys(range(2, 9), curves[0, 0][1])
    assert shown == {e: fmean([last[e], curves[0, 1][e - 1], curves[0, 2][e - 1]]) for e in range(1, 9)}


@pytest.mark.parametrize("size", [12, 2, 1])
def test_pruned_members_in_other_populations_end_too(size: int, prepared: str) -> None:
    here.study(*JUDGED, *ONE_KIND, f"training.population={size}", "study.n_trials=10", prepared)
    pruned = {int(row["trial"]) for row in here.table() if row["status"] == "pruned"}
    assert pruned
    firsts = {trial for trial, member in ((d["trial"], d["member"]) for d in here.events("member")) if member == 0}
    assert firsts == set(range(10))
    if size == 1:
        assert {d["member"] for d in here.events("member") if d["trial"] in pruned} == {0}, "the others never began"
    assert here.counted_once()


# --- going on ----------------------------------------------------------------------------------------------------

SLOW = ("study.n_seeds=2", "study.batch=5", "training.population=4")


@pytest.mark.parametrize(
    ("workers", "moments"),
    [
        (2, (5, 40, 90, 150)),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in ((1, (30,)), (1, (5, 40, 90, 150)), (2, (30,)))),
    ],
)
def test_populations_go_on_as_they_were_after_kills(moments: tuple[int, ...], workers: int, prepared: str) -> None:
    setting = [*BASE, *ONE_KIND, *SLOW, f"study.workers={workers}", prepared]
    expected = here.undisturbed(*setting)
    kill_at(moments, setting)
    here.study(*setting)
    assert here.table() == expected
    assert sorted(begun()) == sorted(begun("undisturbed"))
    assert here.counted_once()
    again = sum(trained().values()) - 20 * 2 * 4
    assert again <= 4 * workers * len(moments), "a kill costs at most the epoch that each population was in"


@pytest.mark.parametrize(
    ("workers", "moments"),
    [
        (1, (50,)),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in ((1, (20, 45, 70)), (2, (50,)), (2, (20, 45, 70)))),
    ],
)
def test_batches_of_a_sampler_with_memory_are_the_same_after_kills(
    moments: tuple[int, ...], workers: int, prepared: str
) -> None:
    tpe = ["experiment=boston_mlp", "sampler=tpe", "sampler.n_startup_trials=4", *BASE[2:4], *ONE_KIND]
    setting = [*tpe, f"study.workers={workers}", prepared]
    expected = here.undisturbed(*setting)
    assert {len(keys) for keys in begun("undisturbed")} == {4}
    kill_at(moments, setting)
    here.study(*setting)
    assert here.table() == expected
    assert here.counted_once()


def kill_at(moments: tuple[int, ...], setting: list[str]) -> None:
    """kill -9 of the driver, again and again, when so many epochs were trained."""
    draws = random.Random(0)
    for num_epochs in moments:
        with here.command(here.PRETENDED, *setting) as process:
            until(lambda num=num_epochs: here.num_lines("epochs.log") >= num, process=process)
            at_a_random_moment(draws, 0.05)
            here.kill_driver(process)


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_a_study_cut_short_after_any_event_goes_on_to_the_same_end(every: int, prepared: str) -> None:
    small = [*JUDGED, *ONE_KIND, "study.n_seeds=2", "study.n_trials=9", "trainer.max_epochs=4", prepared]
    Path("split").write_text("4")
    here.study(*small)
    expected, lines = here.table(), here.spool_path().read_bytes().splitlines(keepends=True)
    assert {row["status"] for row in expected} == {"finished", "pruned"}
    kinds = Counter(line[9:].split(b'"')[3].decode() for line in lines)
    assert kinds["packed"] > 2
    proposed = next(
        number for number, line in enumerate(lines) if b'"kind":"packed"' in line
    )  # a batch, not yet packed
    for end in sorted({proposed, *range(2, len(lines), every)}):
        here.spool_path().write_bytes(b"".join(lines[:end]))
        here.study(*small)
        assert here.table() == expected, f"cut after {lines[end - 1]!r}"
        assert here.counted_once()


def test_a_population_whose_trials_are_over_is_not_waited_for(prepared: str) -> None:
    here.study(*BASE, *ONE_KIND, prepared)
    lines = here.spool_path().read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b'"kind":"trial_end"' in line)
    here.spool_path().write_bytes(b"".join(lines[: last + 1]))
    before = Path("epochs.log").read_text()
    here.study(*BASE, *ONE_KIND, prepared)
    assert Path("epochs.log").read_text() == before
    assert statuses() == ["finished"] * 20
