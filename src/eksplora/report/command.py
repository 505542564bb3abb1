"""The commands that give the same numbers again, as they were typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.provenance import command_like, command_line, command_of
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.search import SearchRecord
from eksplora.types import Command

Facts = Mapping[str, Any]

STAGES = {
    "search": ("searched", "the search"),
    "confirm": ("confirmed", "fresh members, and the model on all rows"),
    "evaluate": ("evaluated", "the test part"),
    "explain": ("explained", "what the model looks at"),
}
"""Stages with the facts that they handed on, and what they are for."""

UNKNOWN = "its overrides are not known, because an earlier version ran it: add those that it was given"


def commands(facts: Facts) -> list[tuple[str, str]]:
    """Lines for a shell in the project's root, in their order, each with what it does."""
    name, command = facts["confirmed"].experiment, facts.get("command")
    lines = [_line(stage, facts[key], name, says, facts) for stage, (key, says) in STAGES.items()]
    return [*lines, (command_line(command or command_of("report", [f"experiment={name}"])), "this page")]


def is_plain(facts: Facts) -> bool:
    """Whether every stage was given what `dvc repro` gives it."""
    name = facts["confirmed"].experiment
    usual = {"search": {"study.versioned=true", f"output=results/{name}"}}
    for stage, (key, _) in STAGES.items():
        command = command_in(facts[key]) or Command("", [])
        given = set(command.overrides) - {f"experiment={name}"}
        if command.environment or (facts[key] and given != usual.get(stage, set())):
            return False
    return True


def command_in(own: Any) -> Command | None:
    """The command that a stage was run with; None: an earlier version did not record it."""
    if isinstance(own, SearchRecord | ConfirmRecord):
        return own.command
    known = (own or {}).get("command")
    return None if known is None else Command(**known)


def _line(stage: str, own: Any, name: str, says: str, facts: Facts) -> tuple[str, str]:
    """A stage's command; where it was not run, it takes what `evaluate` was given: both ask the same model."""
    if (command := command_in(own)) is not None:
        return command_line(command, *_threads(own, command)), says
    if not own:
        return command_like(command_in(facts["evaluated"]), stage, name), says
    output = [f"output=results/{name}"] if stage == "search" else []
    return command_line(command_of(stage, [f"experiment={name}", *output])), f"{says}; {UNKNOWN}"


def _threads(own: Any, command: Command) -> Sequence[str]:
    """The number of threads, unless it was typed: sums depend on it, and another machine would choose another."""
    threads = (own.provenance if isinstance(own, SearchRecord | ConfirmRecord) else own.get("provenance", {})).get(
        "threads"
    )
    is_typed = any(text.partition("=")[0] == "study.threads" for text in command.overrides)
    is_trained = command.root in ("search", "confirm")
    return [f"study.threads={threads}"] if is_trained and threads and not is_typed else []
