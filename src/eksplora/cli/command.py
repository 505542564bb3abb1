"""How a command starts and ends: readable errors, exit codes, and overrides that Hydra's grammar cannot take.

Exit codes: 0 done, 1 a failure of ours, 2 the user's mistake, 130 after Ctrl-C, 143 after SIGTERM,
128 + n after another signal n that asks for an end.
"""

import argparse
import errno
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from eksplora import entrance
from eksplora.config import (
    Request,
    choices,
    compose_request,
    composing,
    known_keys,
    parse_override,
    show,
    unknown_key,
)
from eksplora.config.folders import find, import_own_parts
from eksplora.errors import ConfigError, EksploraError, command_line, file_of, follows, nearest, reason_of
from eksplora.installation import CHECKOUT, CONF
from eksplora.launch import dvc
from eksplora.launch.signals import WARNINGS, heard
from eksplora.launch.streams import outlast_terminal, say_at_once
from eksplora.tracker.address import masked

_SHOWS_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"

OPTIONS = ("--cfg", "-c", "--resolve", "--package", "-p")
"""Options of a command besides overrides: to see its configuration."""

UNWRITABLE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)
"""Errors of folders and disks that the user can fix; anything else is a failure of ours."""

INTERRUPTED = "interrupted; the same command goes on where it was left"

HIDDEN = ("experiment", "exploration")
"""Groups whose files are not shown key by key in a command's help."""

SPACE_OVERRIDE = re.compile(
    r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL
)


def run(root: str, words: Sequence[str], task: Callable[[Request], None], purpose: str = "") -> None:
    """Do what a command of the root configuration `conf/<root>.yaml` does, from its first to its last line.

    Hydra composes the configuration and does nothing else. With HYDRA_FULL_ERROR=1 errors keep their traceback.

    Args:
        root: Name of the command.
        words: What was typed after it.
        task: What it does with a checked request.
        purpose: What its help says it is for.
    """
    with interruptible(), read_by_somebody():
        with readable_errors(root):
            check_checkout(Path(sys.argv[0]))
        if {"--help", "-h"} & set(words):
            print(help_text(root, purpose))
            return
        outlast_terminal()
        with readable_errors(root), ended_by_signals(), composing():
            check_python()
            options = read_arguments(gather_space(words))
            if options.cfg is None:
                import_own_parts()
                task(compose_request(root, options.overrides))
            else:
                show(root, options.overrides, package=options.package, resolve=options.resolve)


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
        _fail(f"standard output: {error.strerror}. Write it where there is space.", 2)


def _is_broken(stream: TextIO | None) -> bool:
    """Whether a stream is a pipe that nobody reads."""
    if stream is None:
        return False
    asked = select.poll()
    asked.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in asked.poll(0))


@contextmanager
def readable_errors(root: str) -> Iterator[None]:
    """Turn what goes wrong into one line and the exit code; what nobody foresaw keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        _fail(INTERRUPTED, 130)
    except Exception as error:
        if follows(error, KeyboardInterrupt):
            _fail(INTERRUPTED, 130)
        if isinstance(error, EksploraError):
            _fail(str(error), error.exit_code)
        if isinstance(error, HydraException | OmegaConfBaseException):
            _fail(explain(error, root), 2)
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            where = file_of(error) or f"a file that {_function_of(error)} works on"
            _fail(f"{where}: {reason_of(error)}. Free space, correct the rights of its folder, or name another.", 2)
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            _fail(f"{error.strerror}. Raise the limit (`ulimit -n`), or lower study.workers.", 1)
        raise


def _function_of(error: BaseException) -> str:
    frames = [] if error.__traceback__ is None else list(traceback.walk_tb(error.__traceback__))
    return frames[-1][0].f_code.co_qualname if frames else "this command"


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
            say_at_once("error: stopped; the same command goes on where it was left\n")
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


def help_text(root: str, purpose: str) -> str:
    """Help of a command: its purpose, its keys as its configuration files explain them, and the groups to choose from.

    Read from the files themselves: composing would take as long as the answer should.
    """
    text = _text_of(root)
    included = [name for name in re.findall(r"^  - (\w+)$", text, re.MULTILINE) if find(f"{name}.yaml").is_file()]
    texts = [*map(_text_of, included), text]
    chosen = dict(re.findall(r'^  - (\w+): "?(\w+)"?$', "\n".join(texts), re.MULTILINE))
    groups = [f"  {group}={'|'.join(choices(group))}" for group in chosen]
    typed = [re.sub(r"python pipelines/(\w+)\.py", lambda found: command_line(found[1]), part) for part in texts]
    own = [re.sub(r"^defaults:\n(  .*\n)+\n?", "", part, flags=re.MULTILINE).strip() for part in typed]
    files = [_group_keys(group, name) for group, name in chosen.items() if group not in HIDDEN]
    usage = f"Usage: {command_line(root)} [group=choice ...] [key=value ...]      {' '.join(purpose.split())}"
    experiments = [_experiments()] if "experiment" in chosen else []
    keys = ["Keys of the default choices:", *files] if files else []
    space = [_HELP_SPACE] if root == "search" else []
    return "\n\n".join(
        [usage, *own, *(["Groups:\n" + "\n".join(groups)] if groups else []), *experiments, *space, *keys, _HELP_END]
    )


_HELP_SPACE = """Space: how a key is searched
  space.params.<key>=choice(a, b)               one of the values: numbers, words, lists, or the files of a group
  space.params.<key>=range(start, stop, step)   numbers from start, below stop
  space.params.<key>=interval(low, high)        all numbers; tag(log, interval(low, high)): by order of magnitude
  space.params.<key>=int(interval(low, high))   whole numbers, both ends included
  space.when.<key>=<other>=<value>              the key exists only when another searched key has this value
  ~space.params.<key>                           not searched"""

_HELP_END = """--cfg job prints the resulting configuration without running anything.
HYDRA_FULL_ERROR=1 in the environment shows where an error comes from.
Exit codes: 0 done, 1 a failure, 2 a mistake in what was asked, 130 after Ctrl-C, 143 after SIGTERM,
128 + n after another signal n that asks for an end (SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU)."""


def _text_of(name: str) -> str:
    return find(f"{name}.yaml").read_text(encoding="utf-8", errors="replace")


def _group_keys(group: str, name: str) -> str:
    lines = _text_of(f"{group}/{name}").splitlines()
    keys = [f"  {line}" for line in lines if line.strip() and not line.startswith(("_", "#", "defaults", "  -"))]
    return "\n".join([f"{group}: # {group}/{name}.yaml", *keys])


def _experiments() -> str:
    """Each experiment with the sentence that its file begins with."""
    texts = {name: _text_of(f"experiment/{name}") for name in choices("experiment")}
    sentences = {name: re.search(r"^# (?!@)(.*)$", text, re.MULTILINE) for name, text in texts.items()}
    lines = [f"  {name:<20}{found[1] if found else ''}" for name, found in sentences.items()]
    return "\n".join(["Experiments:", *lines])


def _fail(message: str, code: int) -> NoReturn:
    if _SHOWS_TRACE:
        traceback.print_exc()
    line = re.sub(r"[\x00-\x1f\x7f]+", " ", masked(message))  # one line, whatever it quotes
    line = re.sub(r"\S{1000,}", lambda word: f"{word[0][:200]}...", line)
    print("error:", line, file=sys.stderr)
    sys.exit(code)


def gather_space(arguments: Sequence[str]) -> list[str]:
    """Move overrides of the search space into one list that Hydra can carry.

    `space.params.optimizer.lr=interval(1e-3, 1e-1)` would be a sweep and a nested key to Hydra; here keys contain dots
    and values are read by `eksplora.config.parse_space`.

    Examples:
        >>> gather_space(["space.params.optimizer.lr=choice(1, 2)", "study.seed=1"])
        ['study.seed=1', 'space.overrides=["params.optimizer.lr=choice(1, 2)"]']

    Raises:
        ConfigError: If all of the space is to be set at once.
    """
    for argument in arguments:
        whole = re.match(r"[+~]*space\.(?:params|when)(?:=|$)", argument)
        if whole:
            raise ConfigError(
                f"{argument.partition('=')[0]}: is not set as a whole. Write space.params.<key>=<domain> for each key, "
                "~space.params.<key> for one that is not searched, or space=none."
            )
    matches = [(argument, SPACE_OVERRIDE.match(argument)) for argument in arguments]
    moved = [_assignment(match) for _, match in matches if match]
    rest = [argument for argument, match in matches if not match]
    quoted = ",".join(QuotedString(text, Quote.double).with_quotes() for text in moved)
    return [*rest, f"space.overrides=[{quoted}]"] if moved else rest


def _assignment(match: re.Match[str]) -> str:
    value = "null" if match["op"] == "~" else _unquoted(match["value"] or "null")
    return f"{match['table']}.{match['key']}={value}"


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]
    return text[1:-1] if is_quoted else text


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


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{' '.join(message.split())}. See --help.")


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """The overrides and options of a command line: `overrides`, `cfg`, `resolve`, `package`.

    Raises:
        ConfigError: Naming the option that there is not, or the override that cannot be read.
    """
    for word in words:
        option = word.partition("=")[0]
        if word.startswith("-") and option not in OPTIONS:
            raise ConfigError(f"{option}: no such option. {nearest(option, OPTIONS)}")
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--cfg", "-c", choices=("job",))
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--package", "-p")
    options = parser.parse_intermixed_args(list(words))
    for text in options.overrides:
        parse_override(text)
    return options


# --- Hydra's errors in our words ---------------------------------------------------------------------------------


def explain(error: Exception, root: str) -> str:
    """Hydra's and OmegaConf's errors in one line that names the key and a way out."""
    text = " ".join(str(error).split())
    cause = " ".join(str(error.__cause__).split()) if error.__cause__ else ""
    for pattern, answer in _ANSWERS:
        found = re.search(pattern, f"{text} {cause}")
        if found:
            return answer(found, root)
    return f"{text} {cause}".strip() + " See --help."


def _unknown_option(found: re.Match[str], root: str) -> str:
    group, name = found["group"], found["name"]
    return f"{group}={name}: no such file in conf/{group}/. {nearest(name, choices(group))}"


def _unknown_key(found: re.Match[str], root: str) -> str:
    return unknown_key(found["key"], known_keys(root))


def _refused(found: re.Match[str], root: str) -> str:
    key, value, cause = found["key"], found["value"], found["cause"]
    inner = [other for other in sorted(known_keys(root)) if other.startswith(f"{key}.")]
    if inner or "Dict" in cause:
        names = ", ".join(inner) or f"{key}.<key>"
        return f"{key}: '{value}' cannot stand for all of its keys. Set one of {names}."
    wanted = next((wanted for word, wanted in _WANTED.items() if word in cause), "another value")
    return f"{key}: '{value}' is of the wrong type. Give {wanted}."


_WANTED = {
    "Integer": "a whole number",
    "Float": "a number",
    "bool": "true or false",
    "string": "text",
    "Optional": "a value that is not null",
}


def _no_reference(found: re.Match[str], root: str) -> str:
    return f"${{{found['key']}}} refers to no key. {unknown_key(found['key'], known_keys(root)).partition('. ')[2]}"


def _needed(found: re.Match[str], root: str) -> str:
    return f"{found['key']}: has no value. Drop what removes it, or choose one: see --help."


def _chosen_twice(found: re.Match[str], root: str) -> str:
    return f"{found['key']}: is chosen already. Write {found['key']}=... without +."


_ANSWERS: list[tuple[str, Callable[[re.Match[str], str], str]]] = [
    (r"Could not find '(?P<group>[\w/]+)/(?P<name>[^']+)'", _unknown_option),
    (r"Could not override '(?P<key>[^'@]+)'\. No match in the defaults list", _unknown_key),
    (r"Could not override '(?P<key>[^']+)'\. To append .* Key '[^']+' (is not in struct|not in)", _unknown_key),
    (r"Could not delete\D*'(?P<key>[^']+)'", _unknown_key),
    (r"Interpolation key '(?P<key>[^']+)' not found", _no_reference),
    (
        r"Error merging override \+*(?P<key>[\w.]+)=(?P<value>.*?) (?P<cause>(?:Value|field|Cannot|Invalid) .*)",
        _refused,
    ),
    (r"missing mandatory value: (?P<key>[\w.]+)", _needed),
    (r"Multiple values for (?P<key>\w+)", _chosen_twice),
]
