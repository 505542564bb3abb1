"""How a command starts and ends: readable errors, exit codes, and overrides that Hydra's grammar cannot take.

Exit codes: 0 done, 1 a failure of ours, 2 the user's mistake, 130 after Ctrl-C, 143 after SIGTERM.
"""

import errno
import functools
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from eksplora.build import CONF, Request, choices, known_keys, parse_override, request, unknown_key
from eksplora.errors import ConfigError, EksploraError, follows, nearest
from eksplora.launch import _dvc

_SHOWS_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"

OPTIONS = ("--cfg", "-c", "--resolve", "--package", "-p", "--info", "-i", "--version", "--hydra-help")
"""Hydra's options that make sense here; --multirun would run studies inside one process: a study searches by itself."""

UNWRITABLE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)
"""What an operating system says of folders and disks that the user can mend; anything else is a failure of ours."""

INTERRUPTED = "interrupted; the same command goes on where it was left"

UNTOLD = ("command", "experiment", "exploration")
"""Groups whose files are not shown key by key in a command's help."""

SPACE_OVERRIDE = re.compile(
    r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL
)


def pipeline(root: str) -> Callable[[Callable[[Request], None]], Callable[[], None]]:
    """Make a function of a checked request into the command of the root configuration `conf/<root>.yaml`.

    With HYDRA_FULL_ERROR=1 errors keep their traceback.
    """

    def decorate(task: Callable[[Request], None]) -> Callable[[], None]:
        @functools.wraps(task)
        def guarded(config: DictConfig) -> None:
            with readable_errors(root):
                task(request(root, config))

        application = hydra.main(version_base="1.3", config_path=str(CONF), config_name=root)(guarded)

        def run() -> None:
            with readable_errors(root):
                check_checkout(Path(task.__code__.co_filename))
            if {"--help", "-h"} & set(sys.argv[1:]):
                print(help_text(root, task.__module__, sys.modules[task.__module__].__doc__ or ""))
                return
            with readable_errors(root), ended_by_signals():
                sys.argv[1:] = gather_space(sys.argv[1:])
                check_arguments(sys.argv[1:])
                os.environ["HYDRA_FULL_ERROR"] = "1"  # let Hydra's errors out: they are told here
                application()

        return run

    return decorate


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
            _fail(f"{error.filename or 'a file'}: {error.strerror}. Free space, or mend the folder's rights.", 2)
        raise


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End with exit code 143 after SIGTERM, whatever runs; as a stage of DVC, end with DVC too, however that ends.

    A study takes its signals over while it runs (`stage._interruption`): it checkpoints first.
    """
    asked: list[int] = []

    def end(number: int, frame: object) -> NoReturn:
        asked.append(number)
        os.write(2, b"error: stopped; the same command goes on where it was left\n")  # a buffer may be in use just now
        raise SystemExit(128 + number)  # no library takes it for an error, and what is half-written is removed

    before = signal.signal(signal.SIGTERM, end)
    _dvc.follow()
    try:
        yield
    except BaseException:
        if not asked:  # else foreign code may have made another error of it: an import of a C++ module does
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if asked:  # also where exceptions are only noted (a finalizer): what was asked to end has not been done
        raise SystemExit(128 + asked[0])


def help_text(root: str, module: str, purpose: str) -> str:
    """What a command does, its keys as its configuration files explain them, and the groups to choose from.

    Read from the files themselves: composing would take as long as the answer should.
    """
    text = (CONF / f"{root}.yaml").read_text(encoding="utf-8")
    included = [name for name in re.findall(r"^  - (\w+)$", text, re.MULTILINE) if (CONF / f"{name}.yaml").exists()]
    texts = [(CONF / f"{name}.yaml").read_text(encoding="utf-8") for name in included] + [text]
    chosen = dict(re.findall(r'^  - (\w+): "?(\w+)"?$', "\n".join(texts), re.MULTILINE))
    groups = [f"  {group}={'|'.join(choices(group))}" for group in chosen if group != "command"]
    own = [re.sub(r"^defaults:\n(  .*\n)+\n?", "", part, flags=re.MULTILINE).strip() for part in texts]
    files = [_group_keys(group, name) for group, name in chosen.items() if group not in UNTOLD]
    usage = f"Usage: python pipelines/{root}.py [group=choice ...] [key=value ...]      {' '.join(purpose.split())}"
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
Exit codes: 0 done, 1 a failure, 2 a mistake in what was asked, 130 after Ctrl-C, 143 after SIGTERM."""


def _group_keys(group: str, name: str) -> str:
    lines = (CONF / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    keys = [f"  {line}" for line in lines if line.strip() and not line.startswith(("_", "#", "defaults", "  -"))]
    return "\n".join([f"{group}: # {group}/{name}.yaml", *keys])


def _experiments() -> str:
    """Each experiment with the sentence that its file begins with."""
    texts = {name: (CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8") for name in choices("experiment")}
    sentences = {name: re.search(r"^# (?!@)(.*)$", text, re.MULTILINE) for name, text in texts.items()}
    lines = [f"  {name:<20}{found[1] if found else ''}" for name, found in sentences.items()]
    return "\n".join(["Experiments:", *lines])


def _fail(message: str, code: int) -> NoReturn:
    if _SHOWS_TRACE:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def gather_space(arguments: list[str]) -> list[str]:
    """Move overrides of the search space into one list that Hydra can carry.

    `space.params.optimizer.lr=interval(1e-3, 1e-1)` would be a sweep and a nested key to Hydra; here keys contain dots
    and values are read by `build.parse_space`.

    Examples:
        >>> gather_space(["space.params.optimizer.lr=choice(1, 2)", "study.seed=1"])
        ['study.seed=1', 'space.overrides=["params.optimizer.lr=choice(1, 2)"]']
    """
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
        ConfigError: If the script has sources beside it that are not those that were imported.
    """
    project = script.resolve().parents[1]
    if (project / "src/eksplora").is_dir() and project != CONF.parent:
        raise ConfigError(
            f"{script.name} is of {project}, but this Python imports eksplora from {CONF.parent}. "
            f"Use {project}/.venv, which `make setup` makes there."
        )


def check_arguments(arguments: list[str]) -> None:
    """Refuse options that mean nothing here, and overrides that cannot be read.

    Raises:
        ConfigError: Naming the argument.
    """
    is_value = False  # the word after --cfg, --package or --info is theirs
    for argument in arguments:
        option = argument.partition("=")[0]
        if argument.startswith("-"):
            if option not in OPTIONS:
                raise ConfigError(f"{option}: no such option. {nearest(option, OPTIONS)}")
        elif not is_value:
            parse_override(argument)
        is_value = argument in ("--cfg", "-c", "--package", "-p", "--info", "-i")


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
