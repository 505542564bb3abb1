"""The commands that give the same numbers again, as they were typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.provenance import command_like, command_line, command_of

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
    name, command = facts["confirmed"]["experiment"], facts.get("command")
    lines = [_line(stage, facts[key] or {}, name, says, facts) for stage, (key, says) in STAGES.items()]
    return [*lines, (command_line(command or command_of("report", [f"experiment={name}"])), "this page")]


def is_plain(facts: Facts) -> bool:
    """Whether every stage was given what `dvc repro` gives it."""
    name = facts["confirmed"]["experiment"]
    usual = {"search": {"study.versioned=true", f"output=results/{name}"}}
    for stage, (key, _) in STAGES.items():
        command = (facts[key] or {}).get("command") or {"overrides": [], "environment": {}}
        given = set(command["overrides"]) - {f"experiment={name}"}
        if command["environment"] or (facts[key] and given != usual.get(stage, set())):
            return False
    return True


def _line(stage: str, own: Facts, name: str, says: str, facts: Facts) -> tuple[str, str]:
    """A stage's command; where it was not run, it takes what `evaluate` was given: both ask the same model."""
    if (command := own.get("command")) is not None:
        return command_line(command, *_threads(own, command)), says
    if not own:
        return command_like(facts["evaluated"].get("command"), stage, name), says
    output = [f"output=results/{name}"] if stage == "search" else []
    return command_line(command_of(stage, [f"experiment={name}", *output])), f"{says}; {UNKNOWN}"


def _threads(own: Facts, command: Facts) -> Sequence[str]:
    """The number of threads, unless it was typed: sums depend on it, and another machine would choose another."""
    threads = own.get("provenance", {}).get("threads")
    is_typed = any(text.partition("=")[0] == "study.threads" for text in command["overrides"])
    is_trained = command["root"] in ("search", "confirm")
    return [f"study.threads={threads}"] if is_trained and threads and not is_typed else []
