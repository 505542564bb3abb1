"""How a command starts and ends: readable errors, exit codes, and overrides that Hydra's grammar cannot take.

Exit codes: 0 done, 1 a failure of ours, 2 the user's mistake, 130 after Ctrl-C, 143 after SIGTERM.
"""

import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from eksplora.build import CONF, Request, known_keys, request
from eksplora.errors import EksploraError, nearest

_SHOWS_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"

SPACE_OVERRIDE = re.compile(r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL)


def pipeline(root: str) -> Callable[[Callable[[Request], None]], Callable[[], None]]:
    """Make a function of a checked request into the command of the root configuration `conf/<root>.yaml`.

    With HYDRA_FULL_ERROR=1 errors keep their traceback.
    """

    def decorate(task: Callable[[Request], None]) -> Callable[[], None]:
        @functools.wraps(task)
        def guarded(config: DictConfig) -> None:
            with readable_errors():
                task(request(root, config))

        application = hydra.main(version_base="1.3", config_path=str(CONF), config_name=root)(guarded)

        def run() -> None:
            if {"--help", "-h"} & set(sys.argv[1:]):
                print(help_text(root, task.__module__, sys.modules[task.__module__].__doc__ or ""))
                return
            sys.argv[1:] = gather_space(sys.argv[1:])
            with readable_errors():
                os.environ["HYDRA_FULL_ERROR"] = "1"  # let Hydra's errors out: they are told here
                application()

        return run

    return decorate


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what goes wrong into one line and the exit code."""
    try:
        yield
    except EksploraError as error:
        _fail(str(error), error.exit_code)
    except (HydraException, OmegaConfBaseException) as error:
        _fail(explain(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted before anything was started", 130)
    except OSError as error:
        if not error.filename:
            raise
        _fail(f"{error.filename}: {error.strerror}. Free space, or mend the folder's rights.", 2)


def help_text(root: str, module: str, purpose: str) -> str:
    """What a command does, its keys as its configuration files explain them, and the groups to choose from.

    Read from the files themselves: composing would take as long as the answer should.
    """
    text = (CONF / f"{root}.yaml").read_text(encoding="utf-8")
    included = [name for name in re.findall(r"^  - (\w+)$", text, re.MULTILINE) if (CONF / f"{name}.yaml").exists()]
    texts = [(CONF / f"{name}.yaml").read_text(encoding="utf-8") for name in included] + [text]
    chosen = dict(re.findall(r'^  - (\w+): "?(\w+)"?$', "\n".join(texts), re.MULTILINE))
    groups = [f"  {group}={'|'.join(sorted(p.stem for p in (CONF / group).glob('*.yaml')))}" for group in chosen if group != "command"]
    own = [re.sub(r"^defaults:\n(  .*\n)+\n?", "", part, flags=re.MULTILINE).strip() for part in texts]
    files = [_group_keys(group, name) for group, name in chosen.items() if group not in ("command", "experiment")]
    usage = f"Usage: python pipelines/{root}.py [group=choice ...] [key=value ...]      {' '.join(purpose.split())}"
    return "\n\n".join([usage, "Groups:\n" + "\n".join(groups), *own, "Keys of the default choices:", *files, _HELP_END])


_HELP_END = """--cfg job prints the resulting configuration without running anything.
Exit codes: 0 done, 1 a failure, 2 a mistake in what was asked, 130 after Ctrl-C, 143 after SIGTERM."""


def _group_keys(group: str, name: str) -> str:
    lines = (CONF / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    keys = [f"  {line}" for line in lines if line.strip() and not line.startswith(("_", "#", "defaults"))]
    return "\n".join([f"{group}: # {group}/{name}.yaml", *keys])


def _fail(message: str, code: int) -> NoReturn:
    if _SHOWS_TRACE:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def gather_space(arguments: list[str]) -> list[str]:
    """Move overrides of the search space into one list that Hydra can carry.

    `space.params.optimizer.lr=interval(1e-3, 1e-1)` would be a sweep and a nested key to Hydra; its keys contain dots and its
    values are read by `build.parse_space`.

    Examples:
        >>> gather_space(["space.params.optimizer.lr=choice(1, 2)", "study.seed=1"])
        ['study.seed=1', 'space.overrides=["params.optimizer.lr=choice(1, 2)"]']
    """
    matches = [(argument, SPACE_OVERRIDE.match(argument)) for argument in arguments]
    moved = [_assignment(match) for _, match in matches if match]
    rest = [argument for argument, match in matches if not match]
    quoted = ",".join('"' + text.replace('"', r"\"") + '"' for text in moved)
    return [*rest, f"space.overrides=[{quoted}]"] if moved else rest


def _assignment(match: re.Match[str]) -> str:
    value = "null" if match["op"] == "~" else _unquoted(match["value"] or "null")
    return f"{match['table']}.{match['key']}={value}"


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]
    return text[1:-1] if is_quoted else text


def explain(error: Exception) -> str:
    """Hydra's and OmegaConf's errors in one line that names the key and a way out."""
    text = " ".join(str(error).split())
    cause = " ".join(str(error.__cause__).split()) if error.__cause__ else ""
    for pattern, answer in _ANSWERS:
        found = re.search(pattern, f"{text} {cause}")
        if found:
            return answer(found)
    return f"{text} {cause}".strip() + " See --help."


def _unknown_option(found: re.Match[str]) -> str:
    group, name, options = found["group"], found["name"], found["options"].split()
    return f"{group}={name}: no such file in conf/{group}/. {nearest(name, options)}"


def _unknown_key(found: re.Match[str]) -> str:
    key = found["key"]
    return f"{key}: no such key. {nearest(key, known_keys())}"


def _wrong_type(found: re.Match[str]) -> str:
    return f"{found['key']}: value '{found['value']}' is of the wrong type. It wants {found['wanted'].lower()}."


_ANSWERS: list[tuple[str, Callable[[re.Match[str]], str]]] = [
    (r"Could not find '(?P<group>[\w/]+)/(?P<name>[^']+)' Available options in '[^']+': (?P<options>[\w ]+?) (Config search|$)", _unknown_option),
    (r"Could not override '(?P<key>[^']+)'\. No match in the defaults list", _unknown_key),
    (r"Could not override '(?P<key>[^']+)'\. To append .* Key '[^']+' (is not in struct|not in)", _unknown_key),
    (r"Value '(?P<value>.*?)' of type '\w+' (?:could not be|is not) .*?(?P<wanted>Integer|Float|Boolean|String).*full_key: (?P<key>[\w.]+)", _wrong_type),
]
