"""The commands that give the same numbers again, as they were typed."""

from collections.abc import Mapping, Sequence

from eksplora.provenance import command_like, command_line, command_of
from eksplora.records.confirm import OfModel
from eksplora.records.results import Results
from eksplora.records.search import SearchRecord
from eksplora.types import Command

STAGES = {
    "search": "the search",
    "confirm": "fresh members, and the model on all rows",
    "evaluate": "the test part",
    "explain": "what the model looks at",
}
"""Purpose of each stage."""

UNKNOWN = "its overrides are not known, because an earlier version ran it: add those that it was given"


def commands(facts: Results) -> list[tuple[str, str]]:
    """Lines for a shell in the project's root, in their order, each with what it does."""
    name = facts.confirmed.experiment
    lines = [_line(stage, own, name, STAGES[stage], facts) for stage, own in _stages(facts).items()]
    return [*lines, (command_line(facts.command or command_of("report", [f"experiment={name}"])), "this page")]


def _stages(facts: Results) -> dict[str, SearchRecord | OfModel | None]:
    """Record of each stage that there can be; None where it was not run."""
    of_networks = {"evaluate": facts.evaluated, "explain": facts.explained} if facts.has_network else {}
    return {"search": facts.searched, "confirm": facts.confirmed, **of_networks}


def is_plain(facts: Results) -> bool:
    """Whether every stage was given what `dvc repro` gives it."""
    name = facts.confirmed.experiment
    usual = {"search": {"study.versioned=true", f"output=results/{name}"}}
    for stage, own in _stages(facts).items():
        command = (own and own.command) or Command("", [])
        given = set(command.overrides) - {f"experiment={name}"}
        if command.environment or (own and given != usual.get(stage, set())):
            return False
    return True


def _line(stage: str, own: SearchRecord | OfModel | None, name: str, says: str, facts: Results) -> tuple[str, str]:
    """A stage's command; where it was not run, it takes what `evaluate` was given: both ask the same model."""
    if own is None:
        return command_like((facts.evaluated or facts.confirmed).command, stage, name), says
    if own.command is not None:
        return command_line(own.command, *_threads(own.provenance, own.command)), says
    output = [f"output=results/{name}"] if stage == "search" else []
    return command_line(command_of(stage, [f"experiment={name}", *output])), f"{says}; {UNKNOWN}"


def _threads(provenance: Mapping[str, str], command: Command) -> Sequence[str]:
    """The number of threads, unless it was typed: sums depend on it, and another machine would choose another."""
    threads = provenance.get("threads")
    is_typed = any(text.partition("=")[0] == "study.threads" for text in command.overrides)
    is_trained = command.root in ("search", "confirm")
    return [f"study.threads={threads}"] if is_trained and threads and not is_typed else []
