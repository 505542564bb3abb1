"""Start and end of a command: its words, its configuration, its task, its exit code.

Exit codes: 0 done, 1 a failure of ours, 2 the user's mistake, 130 after Ctrl-C, 143 after SIGTERM,
128 + n after another signal n that asks for an end.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

from eksplora import entrance
from eksplora.cli.arguments import read_arguments, split_config_dirs, with_file
from eksplora.cli.errors import fail, readable_errors
from eksplora.cli.help import help_text
from eksplora.cli.saying import TRAINING, ended, found
from eksplora.config import Request, compose_request, composing, gather_space, quote_names, show
from eksplora.config.folders import ask_for, import_own_parts
from eksplora.errors import ConfigError
from eksplora.installation import CHECKOUT, CONF
from eksplora.launch import dvc
from eksplora.launch.signals import WARNINGS, heard
from eksplora.launch.streams import outlast_terminal, say_at_once


def run(
    root: str,
    words: Sequence[str],
    task: Callable[[Request], None],
    purpose: str = "",
    opening: AbstractContextManager[None] = nullcontext(),  # noqa: B008  # it keeps nothing
) -> None:
    """Do what a command of the root configuration `conf/<root>.yaml` does, from its first to its last line.

    Hydra composes the configuration and does nothing else. With HYDRA_FULL_ERROR=1 errors keep their traceback.

    Args:
        root: Name of the command.
        words: What was typed after it.
        task: What it does with a checked request.
        purpose: What its help says it is for.
        opening: What is shown while the configuration is read.
    """
    with interruptible(), read_by_somebody():
        with readable_errors(root):
            check_checkout(Path(sys.argv[0]))
            given, words = split_config_dirs(words)
            ask_for(given)
        if {"--help", "-h"} & set(words):
            print(help_text(root, purpose))
            return
        outlast_terminal()
        with readable_errors(root), ended_by_signals(), composing():
            check_python()
            with opening:
                options = read_arguments(gather_space(quote_names(with_file(root, words))))
                if options.cfg is None:
                    import_own_parts()
                    request = compose_request(root, options.overrides)
            if options.cfg is None:
                _do(request, task)
            else:
                show(root, options.overrides, package=options.package, resolve=options.resolve)


def _do(request: Request, task: Callable[[Request], None]) -> None:
    """Do what a command does, and say of data of one's own what they are and what comes next."""
    own = request.own_data
    if own is not None and request.root in TRAINING:
        print("\n".join(found(own)), flush=True)
    task(request)
    if own is not None:
        print("\n".join(ended(request)))


def check_python() -> None:
    """Refuse a Python that leaves out assertions: Hydra reads overrides with them.

    Raises:
        ConfigError: If it does.
    """
    if sys.flags.optimize:
        raise ConfigError("PYTHONOPTIMIZE (or python -O) leaves out checks that Hydra works with. Unset it.")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be an exception while a command runs; before and after, it ends the process at once."""
    is_ours = signal.getsignal(signal.SIGINT) is entrance.leave
    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        entrance.leave()
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, entrance.leave)


@contextmanager
def read_by_somebody() -> Iterator[None]:
    """End quietly, with the exit code of SIGPIPE, when nobody reads the output any more (`| head -1`)."""
    try:
        try:
            yield
        finally:
            _flush()
    except BrokenPipeError:
        broken = [stream for stream in (sys.stdout, sys.stderr) if _is_broken(stream)]
        if not broken:
            raise  # another pipe
        for stream in broken:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python flushes once more when it ends
        sys.exit(128 + signal.SIGPIPE)


def _flush() -> None:
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # it was closed when the command began
                stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(f"standard output: {error.strerror}. Write it where there is space.", 2)


def _is_broken(stream: TextIO | None) -> bool:
    """Whether a stream is a pipe that nobody reads."""
    if stream is None:
        return False
    asked = select.poll()
    asked.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in asked.poll(0))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End with exit code 128 + n after a signal n, whatever runs; as a stage of DVC, end with DVC too.

    Ctrl-C stays Python's KeyboardInterrupt (130, see `readable_errors`). A study takes its signals over while it runs
    (`study.interruption`): it checkpoints first.
    """
    asked: list[int] = []

    def end(number: int, frame: object) -> None:
        if asked and number in WARNINGS:
            return  # they come several times; it ends already
        if not asked:
            say_at_once("\n" * os.isatty(2) + "error: stopped; the same command goes on where it was left\n")
        asked.append(number)
        raise SystemExit(128 + number)  # no library takes it for an error, and what is half-written is removed

    before = {number: signal.signal(number, end) for number in heard() if number != signal.SIGINT}
    dvc.follow()
    try:
        yield
    except BaseException:
        if not asked:  # else foreign code may have made another error of it: an import of a C++ module does
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:  # also where exceptions are only noted (a finalizer): what was asked to end has not been done
        raise SystemExit(128 + asked[0])


def check_checkout(script: Path) -> None:
    """Refuse to run one checkout's command on the sources and `conf/` of another: a copied .venv leads to the old one.

    Raises:
        ConfigError: If the script, or the `.venv` that it is part of, has other sources beside it than those imported.
    """
    folder = script.resolve().parents[1]
    project = folder.parent if folder.name == ".venv" else folder
    if (project / "src/eksplora").is_dir() and project != CHECKOUT:
        raise ConfigError(
            f"{script.name} is of {project}, but this Python imports eksplora from {CHECKOUT or CONF.parent}. "
            f"Use {project}/.venv, which `make setup` makes there."
        )
