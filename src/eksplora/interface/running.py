"""Runs of stages inside of a Python session: errors stay exceptions, and what it prints is left to the objects."""

import functools
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from eksplora.config import Request, as_ours, compose_request, composing, forget, gather_space
from eksplora.config.folders import import_own_parts
from eksplora.console.notebook import notebook
from eksplora.console.terminal import shown_on
from eksplora.errors import EksploraError, Interrupted
from eksplora.installation import CONFIG_DIRS

P = ParamSpec("P")
T = TypeVar("T")

BY_SIGNAL = 128
"""Above it: exit codes of what a signal ended, which is no error of the script; a batch system's end of time is one."""

BY_CTRL_C = 130
"""Exit code of what Ctrl-C ended."""


def in_one_line(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function of the interface raise errors of one line, without the way that they took inside of eksplora.

    With HYDRA_FULL_ERROR=1 in the environment they keep it.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Interrupted as error:
            if error.exit_code == BY_CTRL_C:
                raise KeyboardInterrupt(str(error)) from None
            if error.exit_code > BY_SIGNAL:
                print(f"error: {error}", file=sys.stderr)
                raise SystemExit(error.exit_code) from None
            raise _reworded(error) from None
        except Exception as error:
            ours = as_ours(error, "search")
            if ours is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
                raise
            raise _reworded(ours) from None

    return called


ARGUMENTS = {"study.name": "name", "study.n_seeds": "members", "study.n_trials": "trials", "study.workers": "workers"}
"""Keys that messages name, and the argument that is the same here."""


FRAME = re.compile(r"\S*\bframes/\w+/frame\.parquet")
"""The file that a table in memory is written to."""


def _reworded(error: EksploraError) -> EksploraError:
    """The error, without its way through eksplora, that names arguments instead of keys."""
    text = re.sub(r"\bstudy\.\w+", lambda found: ARGUMENTS.get(found[0], found[0]), " ".join(str(error).split()))
    text = FRAME.sub("the table", text).replace("data.path: ", "data: ")
    error.args = (text,)
    return error.with_traceback(None)


@contextmanager
def session(folders: Sequence[str] = ()) -> Iterator[None]:
    """Surroundings of a call: configurations as they are now, progress where the user looks, the process kept alive.

    Args:
        folders: Folders of configurations that are searched first, besides those that the environment names.
    """
    _import_quietly("tqdm.auto")  # before Optuna imports it
    from eksplora.study.interruption import outlived

    before = os.environ.get(CONFIG_DIRS)
    try:
        if folders:
            os.environ[CONFIG_DIRS] = os.pathsep.join([*folders, *filter(None, [before])])
        forget()
        with composing(), shown_on(notebook()), outlived():
            import_own_parts()
            yield
    finally:
        if before is None:
            os.environ.pop(CONFIG_DIRS, None)
        else:
            os.environ[CONFIG_DIRS] = before


def _import_quietly(bars: str) -> None:
    """Import what shows progress bars: in a notebook it warns of missing widgets, for bars that nobody sees here."""
    with warnings.catch_warnings(), suppress(ImportError):
        warnings.simplefilter("ignore")
        import_module(bars)


@dataclass(frozen=True)
class Ran:
    """A stage that has run: what was asked of it, and what it returned."""

    request: Request
    result: Any


def run_stage(stage: str, words: Sequence[str]) -> Ran:
    """Run a stage as its command does, within a `session`; what it prints is for those who have no object."""
    request = compose_request(stage, gather_space(words))
    with redirect_stdout(io.StringIO()):
        return Ran(request, getattr(import_module(f"eksplora.stage.{stage}"), stage)(request))
