"""`dvc repro`, and which stage it is at: `python -m eksplora.cli.repro <arguments of dvc repro>`.

DVC runs in this process and does what it always does; its exit codes, errors and interruptions are its own, but that a
dry run ends in one line of ours where nothing has run yet. What it says of stages is put in our words, and its
progress bars, which flicker between the stages, are left out. A stage writes to the terminal itself.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import yaml

from eksplora.errors import DataError, EksploraError, PreconditionError
from eksplora.untrusted import read_json

SAYS = (
    (r"Running stage '(?P<stage>.+)':", "{place}: {stage}{rest}"),
    (r"(?:Stage )?'(?P<stage>.+)' didn't change, skipping", "{place}: {stage} is unchanged, skipped"),
    (
        r"Stage '(?P<stage>.+)' is cached - skipping run, checking out outputs",
        "{place}: {stage} was run like this before, its results are taken from the cache",
    ),
)
"""DVC's messages about a stage, and ours instead."""

ENDED = re.compile(r"(Updating|Generating) lock file ")
"""DVC's messages after a stage that ended well; they are left out, and so are empty lines."""


class InOurWords(logging.Filter):
    """Changes what DVC's log says of stages.

    Attributes:
        steps: The names of the stages that DVC will look at, in their order; empty until it has a plan.
        missing: The stage at which a dry run ended, since no stage before it has written what it reads.
    """

    def __init__(self, times: Path, *, is_dry: bool = False) -> None:
        """Keep how long each stage took in the file `times`.

        Args:
            times: The file.
            is_dry: Whether DVC only says what it would run.
        """
        super().__init__()
        self.steps: list[str] = []
        self.missing = ""
        self._is_dry = is_dry
        self._times = times
        self._seconds = _read_times(times)
        self._begun: tuple[str, float] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; changes its message."""
        if self._is_dry and record.exc_info and (error := record.exc_info[1]) and _is_missing_file(error):
            found = re.match(r"failed to reproduce '(.+)'", str(error))
            self.missing = found[1] if found else ""
        if record.levelno != logging.INFO:
            return not self.missing
        said = record.getMessage()
        for pattern, ours in SAYS:
            if found := re.fullmatch(pattern, said):
                stage = found["stage"]
                record.msg = ours.format(place=self._place(stage), stage=stage, rest=self._rest(stage))
                record.args = ()
                self._begun = (stage, time.monotonic()) if "{rest}" in ours else None
        if ENDED.match(said):
            self._end()
        return bool(said) and not ENDED.match(said)

    def _end(self) -> None:
        """Note how long the stage took that has just ended."""
        if self._begun is not None:
            stage, begin = self._begun
            self._seconds[stage], self._begun = round(time.monotonic() - begin, 1), None
            self._times.write_text(json.dumps(self._seconds), encoding="utf-8")

    def _rest(self, stage: str) -> str:
        """Time that this stage and those after it took when they ran last, where that is known of all."""
        rest = self.steps[self.steps.index(stage) :] if stage in self.steps else [""]
        if not all(name in self._seconds for name in rest):
            return ""
        seconds = sum(self._seconds[name] for name in rest)
        shown = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f"   (from here to the end, all of it run: {shown} when it ran last)"

    def _place(self, stage: str) -> str:
        if stage not in self.steps:
            return "stage"
        return f"stage {self.steps.index(stage) + 1} of {len(self.steps)}"


def _is_missing_file(error: BaseException | None) -> bool:
    """Whether an error, or what it was made of, is a file that is not there."""
    while error is not None and not isinstance(error, FileNotFoundError):
        error = error.__cause__
    return error is not None


def _read_times(path: Path) -> dict[str, float]:
    """The seconds of each stage when it ran last; none where that cannot be read."""
    try:
        return read_json(path, dict[str, float], way_out="Remove it.")
    except DataError:
        return {}


class NoTerminal:
    """A stream that says that it is no terminal, so that nobody draws bars on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        """No."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def check_project(root: Path) -> None:
    """Look for what DVC says in many lines.

    Raises:
        PreconditionError: If the project is in no Git repository, and DVC was not asked to do without.
        DataError: If dvc.lock breaks off.
    """
    settings = [root / ".dvc" / name for name in ("config", "config.local")]
    without = any("no_scm" in file.read_text(encoding="utf-8") for file in settings if file.is_file())
    if not without and not any((folder / ".git").exists() for folder in (root, *root.parents)):
        raise PreconditionError(
            "this folder is in no Git repository, which DVC wants. Make it one: git init; "
            "or do without: .venv/bin/python -m dvc config --local core.no_scm true."
        )
    lock = root / "dvc.lock"
    if lock.is_file() and not _is_whole(lock):
        raise DataError(
            "dvc.lock breaks off, as DVC leaves it when it is killed. Remove it (rm dvc.lock) and repeat the command: "
            "everything comes back from DVC's cache, nothing is trained again."
        )


def _is_whole(lock: Path) -> bool:
    """Whether a lock file ends where a line does and DVC can read it; it may have fewer stages than it had."""
    text = lock.read_bytes()
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    stages = content.get("stages") if isinstance(content, dict) else None
    return text.endswith(b"\n") and isinstance(stages, dict) and all(map(_is_stage, stages.values()))


def _is_stage(entry: object) -> bool:
    files = [entry.get(key, []) for key in ("deps", "outs")] if isinstance(entry, dict) else [None]
    return all(isinstance(those, list) and all("path" in file for file in those) for those in files)


def planned(plan: Callable[..., list[Any]], words: InOurWords) -> Callable[..., list[Any]]:
    """DVC's function that plans a repro, which also notes the plan for our own output."""

    def plan_and_note(*args: Any, **kwargs: Any) -> list[Any]:
        stages = plan(*args, **kwargs)
        words.steps = [stage.addressing for stage in stages]
        return stages

    return plan_and_note


def repro(arguments: Sequence[str]) -> int:
    """Run `dvc repro` and return its exit code.

    Raises:
        PreconditionError: If a dry run cannot go on, since what a stage reads is not there before others have run.
    """
    from dvc import cli
    from dvc.repo import reproduce

    words = InOurWords(Path(".dvc/tmp/eksplora-seconds.json"), is_dry="--dry" in arguments)
    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(words)
    reproduce.plan_repro = planned(reproduce.plan_repro, words)
    sys.stderr = NoTerminal(sys.stderr)
    code = int(cli.main(["repro", *arguments]))
    if words.missing:
        raise PreconditionError(
            f"--dry: {words.missing} reads what no stage before it has written yet, so the plan ends here. "
            "See all stages with .venv/bin/python -m dvc dag, or run them: make repro."
        )
    return code


if __name__ == "__main__":
    try:
        check_project(Path.cwd())
        sys.exit(repro(sys.argv[1:]))
    except EksploraError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
