"""How a command starts and ends: readable errors, exit codes, and overrides that Hydra's grammar cannot take.

Exit codes: 0 done, 1 a failure of ours, 2 the user's mistake, 130 after Ctrl-C, 143 after SIGTERM.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from eksplora.errors import EksploraError, nearest

SPACE_OVERRIDE = re.compile(r"^(?P<op>~|\+{0,2})space\.(?P<table>params|when)\.(?P<key>[^=]+)(=(?P<value>.*))?$", re.DOTALL)


def execute(main: Callable[[], object]) -> None:
    """Run a Hydra application and end the process with its exit code.

    With HYDRA_FULL_ERROR=1 errors keep their traceback.
    """
    shows_trace = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors out of Hydra: they are told here
    sys.argv[1:] = gather_space(sys.argv[1:])
    try:
        main()
    except EksploraError as error:
        _fail(str(error), error.exit_code, shows_trace)
    except (HydraException, OmegaConfBaseException) as error:
        _fail(explain(error), 2, shows_trace)
    except KeyboardInterrupt:
        _fail("interrupted before anything was started", 130, shows_trace)
    except OSError as error:
        known = f"{error.filename}: {error.strerror}. Free space, or mend the folder's rights." if error.filename else ""
        _fail(known or traceback.format_exc(), 2 if known else 1, shows_trace)


def _fail(message: str, code: int, shows_trace: bool) -> None:
    if shows_trace:
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
    from eksplora.build import known_keys

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
