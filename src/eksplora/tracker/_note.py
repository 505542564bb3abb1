"""Notes on a study and a trial for MLflow's pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eksplora.events.event import StudyEvent, TrialEvent
from eksplora.provenance import command_line
from eksplora.tracker._run import as_text


def study_note(study: StudyEvent, folder: Path) -> str:
    """Note on a study and on how to go on with it; `folder` is that of its files."""
    mean = "" if study.members == "1 seed" else f", mean over {study.members}"
    command = f"\n\n```\n{command_line(study.command)}\n```" if study.command else ""
    return (
        f"Study **{study.name}** of the experiment **{study.experiment}**: "
        f"{study.direction} `{study.metric}`{mean}.\n\n"
        "- Its trials are the runs under it: one configuration each, with curves and `config.yaml`.\n"
        "- Metrics `trial/objective` and `trial/best`: how the search went, trial by trial.\n"
        f"- Files, checkpoints and the log of events: `{folder}`\n"
        f"- To go on after an interruption, give the same command again.{command}\n"
    )


def trial_note(trial: TrialEvent) -> str:
    """Values that were searched in a trial."""
    lines = [f"- `{key}` = {as_text(value)}" for key, value in trial.searched.items()]
    if trial.repeats is not None:
        lines.append(f"\nThe same configuration as {trial_name(trial.repeats)}; its result was taken over.")
    return "\n".join(["Searched in this trial:\n", *lines]) if trial.searched else "\n".join(lines)


def trial_name(number: int, searched: Mapping[str, Any] | None = None) -> str:
    """The name of a trial's run; what has a name (a baseline, a candidate that is confirmed) keeps it.

    Examples:
        >>> trial_name(7, {"optimizer.lr": 0.1}), trial_name(0, {"baseline": "mean"})
        ('trial-007', 'mean')
    """
    named = [value for key, value in (searched or {}).items() if key in ("baseline", "configuration")]
    return str(named[0]) if named else f"trial-{number:03d}"
