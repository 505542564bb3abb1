"""What a spool says of single members: events by hand, and what they are recalled as."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from mutating import mutations

from eksplora.errors import DataError, EksploraError, StudyError
from eksplora.events.line import from_json
from eksplora.events.spool import Event, Spool, encode, read
from eksplora.reproduction.record import Recorded, recall
from eksplora.types import Member

Written = tuple[str, dict[str, Any]]

STUDY: Written = (
    "study",
    {
        "id": "0123",
        "name": "small",
        "experiment": "small",
        "metric": "val/mae",
        "direction": "minimize",
        "params": {},
        "tags": {},
        "provenance": {"git.commit": "c0ffee"},
        "texts": {},
        "definition": {},
    },
)  # fmt: skip


def start(threads: int = 1) -> Written:
    return "start", {"pid": 1, "workers": 1, "threads": threads}


def trial(number: int, members: int = 1, repeats: int | None = None) -> Written:
    people = [{"index": index, "seed": 100 + index, "fold": 0} for index in range(members)]
    resolved = {"optimizer": {"lr": 0.1 * (number + 1)}, "data": {"root": "data"}}
    written = {"params": {}, "searched": {}, "config": "", "tags": {}}
    return "trial", {"trial": number, "resolved": resolved, "members": people, "repeats": repeats, **written}


def population(number: int, *keys: tuple[int, int]) -> Written:
    return "population", {"population": number, "trainings": [list(key) for key in keys]}


def member(number: int, index: int = 0, status: str = "finished") -> Written:
    numbers = {
        "epochs": 3,
        "best_epoch": 2,
        "step": 9,
        "seconds": 0.1,
        "value": 0.5,
        "curves": {"val/mae": [0.5, float("nan"), 1]},
    }
    return "member", {"trial": number, "member": index, "status": status, "device": "cpu", **numbers}


def stop(best: int | None) -> Written:
    written = {"message": "", "metrics": {}, "tags": {}, "artifacts": {}, "best_artifacts": {}}
    return "stop", {"status": "finished", "best_trial": best, **written}


def events(*written: Written) -> Iterator[Event]:
    return (Event(kind, 0, from_json(kind, data), 0) for kind, data in written)


def recalled(*written: Written) -> Recorded:
    return recall(events(STUDY, *written))


def test_a_trial_is_recalled_with_its_configuration_and_members() -> None:
    recorded = recalled(start(), trial(0, members=2), trial(1), population(0, (0, 0), (0, 1)), member(0), member(0, 1))
    assert recorded.study.name == "small" and recorded.provenance == {"git.commit": "c0ffee"}
    assert recorded.config(1)["optimizer"] == {"lr": 0.2}
    assert recorded.training((0, 1), "folder") == {
        "trial": 0,
        "member": asdict(Member(index=1, seed=101)),
        "config": {"optimizer": {"lr": 0.1}, "data": {"root": "data"}},
        "folder": "folder",
    }
    assert recorded.results[0, 1].epochs == 3


def test_members_are_those_with_a_result_in_their_order_or_the_one_that_is_asked_for() -> None:
    ended = [member(0, 2, "pruned"), member(0, 0), member(0, 1, "diverged"), member(1, 0)]
    recorded = recalled(start(), trial(0, members=4), trial(1, members=4), *ended)
    assert recorded.members(0, None) == [(0, 0), (0, 1), (0, 2)]
    assert recorded.members(0, 2) == [(0, 2)]
    assert recorded.members(1, None) == [(1, 0)]


def test_a_repeats_members_are_its_originals() -> None:
    recorded = recalled(start(), trial(0, members=2), trial(1, members=2, repeats=0), member(0), member(0, 1))
    assert recorded.members(1, None) == [(0, 0), (0, 1)]
    assert recorded.members(1, 1) == [(0, 1)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            (0, None),
            "^trial 0 of small has no finished training to compare with. Let the study end first: give its comm",
        ),
        ((1, 1), "^trial 1 of small has no finished training"),
        ((2, None), "^trial 2 of small has no finished training"),
        ((3, None), r"^trial 3 of small is not in its spool\.$"),
    ],
    ids=["never ended", "another member", "interrupted", "no such trial"],
)
def test_what_has_no_result_is_refused(asked: tuple[int, int | None], expected: str) -> None:
    recorded = recalled(start(), trial(0), trial(1, members=2), trial(2), member(1), member(2, 0, "interrupted"))
    with pytest.raises(DataError, match=expected):
        recorded.members(*asked)


def test_a_member_is_trained_with_its_whole_population_across_trials() -> None:
    recorded = recalled(start(), trial(0), trial(1), population(0, (0, 0), (1, 0)), member(1), member(0))
    assert recorded.together == {(0, 0): [(0, 0), (1, 0)], (1, 0): [(0, 0), (1, 0)]}


def test_a_member_without_a_population_is_trained_alone() -> None:
    assert recalled(start(), trial(0), member(0)).together == {(0, 0): [(0, 0)]}


def test_of_populations_that_were_split_the_last_before_the_result_counts() -> None:
    whole, first, second = population(0, (0, 0), (0, 1), (0, 2)), population(1, (0, 0), (0, 1)), population(2, (0, 2))
    later = population(3, (0, 0), (0, 2))
    recorded = recalled(
        start(),
        trial(0, members=3),
        whole,
        first,
        member(0, 0),
        member(0, 1),
        second,
        member(0, 2),
        later,
        stop(0),
    )
    assert recorded.together == {(0, 0): [(0, 0), (0, 1)], (0, 1): [(0, 0), (0, 1)], (0, 2): [(0, 2)]}


def test_a_population_that_ends_before_it_is_split_keeps_its_size() -> None:
    recorded = recalled(
        start(), trial(0, members=2), population(0, (0, 0), (0, 1)), member(0, 0), population(1, (0, 1)), member(0, 1)
    )
    assert recorded.together == {(0, 0): [(0, 0), (0, 1)], (0, 1): [(0, 1)]}


@pytest.mark.parametrize(
    ("before", "since", "threads"),
    [
        ([2], [], [2]),
        ([4, 2], [], [2]),
        ([2], [2], [2]),
        ([2], [1], [2, 1]),
        ([2], [1, 1, 2], [2, 1, 2]),
    ],
    ids=["one start", "earlier starts", "the same again", "others", "and back"],
)
def test_threads_are_those_of_every_driver_since_the_population_began(
    before: list[int], since: list[int], threads: list[int]
) -> None:
    recorded = recalled(
        *map(start, before), trial(0), population(0, (0, 0)), *map(start, since), member(0), start(64)
    )  # fmt: skip
    assert recorded.threads == {(0, 0): threads}


def test_members_of_one_population_may_end_under_other_threads() -> None:
    begun = [start(2), trial(0, members=2), population(0, (0, 0), (0, 1)), member(0, 0)]
    assert recalled(*begun, start(1), member(0, 1)).threads == {(0, 0): [2], (0, 1): [2, 1]}


def test_the_best_trial_is_the_one_of_the_last_end() -> None:
    assert recalled(start(), trial(0)).best is None
    assert recalled(start(), stop(None)).best is None
    assert recalled(start(), stop(3), start(), stop(1)).best == 1


def test_other_events_are_passed_over_and_those_before_the_study_too() -> None:
    recorded = recall(
        events(trial(7), ("of a newer version", {}), STUDY, start(), ("of a newer version", {}), trial(0))
    )
    assert list(recorded.trials) == [0]


def test_an_empty_spool_is_refused(tmp_path: Path) -> None:
    Spool(tmp_path / "spool").close()
    with pytest.raises(DataError, match=r"^the spool of the study is empty: nothing was recorded\.$"):
        recall(read(tmp_path / "spool"))


def test_a_damaged_spool_is_refused_by_line(tmp_path: Path) -> None:
    lines = [encode(kind, 0, data) for kind, data in (start(), start(), start())]
    (tmp_path / "spool").write_bytes(lines[0] + lines[1].replace(b'"threads":1', b'"threads":2') + lines[2])
    with pytest.raises(StudyError, match=r"spool, line 2, is damaged: its checksum does not match\."):
        recall(read(tmp_path / "spool"))


# --- records of somebody else's making ---------------------------------------------------------------------------


def use(recorded: Recorded) -> None:
    """Ask a record for everything that a reproduction asks it for."""
    assert isinstance(recorded.patch, str) and isinstance(recorded.provenance.get("git.commit", ""), str)
    for number in recorded.trials:
        for key in recorded.members(number, None):
            for other in recorded.together[key]:
                assert isinstance(recorded.training(other, "folder")["config"], dict)
            assert recorded.threads[key] and recorded.results[key].device


REST: dict[str, dict[str, Any]] = {
    "study": {"experiment": "wine", "metric": "val/mae", "direction": "minimize", "params": {}, "tags": {}},
    "trial": {"params": {}, "searched": {}, "config": "", "tags": {}},
    "member": {"seconds": 1.0},
    "stop": {"message": "", "metrics": {}, "tags": {}, "artifacts": {}, "best_artifacts": {}},
}
"""What an event holds besides what a reproduction asks for."""


@pytest.mark.parametrize("place", range(6))
def test_whatever_an_event_holds_the_record_is_read_or_refused_in_one_line(place: int, tmp_path: Path) -> None:
    written = [start(), trial(0, members=2), population(0, (0, 0), (0, 1)), member(0), member(0, 1), stop(0)]
    whole = [(kind, REST.get(kind, {}) | data) for kind, data in [STUDY, *written]]
    lines, spool = [encode(kind, 0, data) for kind, data in whole], tmp_path / "spool"
    spool.write_bytes(b"".join(lines))
    use(recall(read(spool)))
    refused, kind = 0, whole[place][0]
    for content in mutations(json.dumps(whole[place][1]), 80):
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            continue  # the spool's own checksum is about these
        if isinstance(data, dict):
            spool.write_bytes(b"".join([*lines[:place], encode(kind, 0, data), *lines[place + 1 :]]))
            try:
                use(recall(read(spool)))
            except EksploraError as error:
                assert error.exit_code == 2 and "\n" not in str(error), error
                refused += 1
    assert refused > 10


def test_a_population_of_members_that_nobody_described_is_refused() -> None:
    with pytest.raises(DataError, match=r"names member 7 of trial 0, which it does not describe\. The record was"):
        recalled(start(), trial(0), population(0, (0, 0), (0, 7)), member(0))
    with pytest.raises(DataError, match=r"names member 0 of trial 3, which it does not describe"):
        recalled(start(), trial(0), member(3))
