"""Members in a study's spool: what each was trained with, its population, and its result."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from eksplora.errors import DataError
from eksplora.events import event as events
from eksplora.events.spool import Event, consistent
from eksplora.provenance import UNKNOWN
from eksplora.study.trial import Key
from eksplora.types import Config, Status

ALTERED = "The record was altered: restore it from a copy."

Begun = tuple[int, list[Key]]
"""A population that a worker has had: the driver that began it, by place among the starts, and its trainings."""


@dataclass
class Recorded:
    """A study as its spool records it.

    Attributes:
        study: The first event.
        trials: The event of each trial, by number.
        results: What came of each member.
        together: For each member, the trainings of the population that gave its result.
        threads: For each member, the threads of its training; more than one number where it went on with others.
        best: The best trial, as the study's last end has it.
    """

    study: events.StudyEvent
    trials: dict[int, events.TrialEvent] = field(default_factory=dict)
    results: dict[Key, events.MemberEvent] = field(default_factory=dict)
    together: dict[Key, list[Key]] = field(default_factory=dict)
    threads: dict[Key, list[int]] = field(default_factory=dict)
    best: int | None = None

    @property
    def provenance(self) -> Mapping[str, str]:
        """Its provenance."""
        return self.study.provenance

    @property
    def patch(self) -> str:
        """Difference of the working tree from the commit when it was recorded."""
        return self.study.texts.get("changes.diff", UNKNOWN)

    def config(self, trial: int) -> Config:
        """The resolved configuration of a trial."""
        return self.trials[trial].resolved or {}

    def training(self, key: Key, folder: str) -> dict[str, Any]:
        """A member as it goes to a worker, as plain values."""
        number, index = key
        (member,) = [one for one in self.trials[number].members if one.index == index]
        return {"trial": number, "member": asdict(member), "config": self.config(number), "folder": folder}

    def members(self, trial: int, member: int | None) -> list[Key]:
        """The members of a trial that have a result, or the one that is asked for; a repeat's are its original's.

        Raises:
            DataError: If there is none.
        """
        if trial not in self.trials:
            raise DataError(f"trial {trial} of {self.study.name} is not in its spool.")
        repeats = self.trials[trial].repeats
        number = trial if repeats is None else repeats
        found = [key for key in sorted(self.results) if key[0] == number and member in (None, key[1])]
        found = [key for key in found if self.results[key].status is not Status.INTERRUPTED]
        if not found:
            raise DataError(
                f"trial {trial} of {self.study.name} has no finished training to compare with. "
                "Let the study end first: give its command again."
            )
        return found


NEEDED: Mapping[type[Any], Sequence[str]] = {
    events.StudyEvent: ("definition",),
    events.Start: ("threads",),
    events.TrialEvent: ("resolved",),
    events.MemberEvent: ("curves", "device"),
}
"""Keys by kind of event that the spool can do without and a reproduction cannot: the first versions had none."""


def recall(recorded_events: Iterable[Event], *, source: object = "the spool") -> Recorded:
    """Read a spool.

    Args:
        recorded_events: Its events.
        source: The file, for messages.

    Raises:
        StudyError: If it is damaged.
        DataError: If it is empty, or names members that it does not describe.
    """
    recorded: Recorded | None = None
    starts: list[int] = []
    begun: list[Begun] = []
    with consistent(source):
        for event in recorded_events:
            missing = [key for key in NEEDED.get(type(event.body), ()) if getattr(event.body, key) is None]
            if missing:
                raise DataError(f"{source} has no {missing[0]} in an event {event.kind}: it cannot be reproduced.")
            if isinstance(event.body, events.StudyEvent):
                recorded = Recorded(event.body)
            elif recorded is not None:
                _take(recorded, event.body, starts, begun)
    if recorded is None:
        raise DataError("the spool of the study is empty: nothing was recorded.")
    _check_keys(recorded, source)
    return recorded


def _check_keys(recorded: Recorded, source: object) -> None:
    """Refuse a record that names members which none of its trials has.

    Raises:
        DataError: Naming the first.
    """
    members = Counter((number, one.index) for number, trial in recorded.trials.items() for one in trial.members)
    named = {key for together in recorded.together.values() for key in together} | set(recorded.results)
    for key in sorted(named):
        if members[key] != 1 or not recorded.threads.get(key, [1]):
            raise DataError(f"{source} names member {key[1]} of trial {key[0]}, which it does not describe. {ALTERED}")


def _take(recorded: Recorded, body: events.Body, starts: list[int], begun: list[Begun]) -> None:
    match body:
        case events.Start(threads=int(threads)):
            starts.append(threads)
        case events.TrialEvent():
            recorded.trials[body.trial] = body
        case events.PopulationEvent():
            begun.append((len(starts) - 1, list(body.trainings)))
        case events.MemberEvent():
            key = (body.trial, body.member)
            alone = (len(starts) - 1, [key])
            since, together = next((one for one in reversed(begun) if key in one[1]), alone)
            recorded.results[key], recorded.together[key] = body, together
            recorded.threads[key] = [threads for threads, _ in groupby(starts[since:])]
        case events.Stop():
            recorded.best = body.best_trial
