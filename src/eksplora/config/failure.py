"""Errors of libraries and of the system as our own: those of Hydra in our words, those of a disk by its file."""

import errno
import re
import traceback
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from eksplora.config.composition import choices, known_keys, unknown_key
from eksplora.errors import ConfigError, EksploraError, StorageError, file_of, nearest, reason_of

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


def as_ours(error: Exception, root: str) -> EksploraError | None:
    """Our own error for any other; None for one that nobody foresaw.

    Args:
        error: It.
        root: The command that ended with it.
    """
    if isinstance(error, EksploraError):
        return error
    if isinstance(error, HydraException | OmegaConfBaseException):
        return ConfigError(explain(error, root))
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        where = file_of(error) or f"a file that {_function_of(error)} works on"
        way_out = "Free space, correct the rights of its folder, or name another."
        return StorageError(f"{where}: {reason_of(error)}. {way_out}")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return EksploraError(f"{error.strerror}. Raise the limit (`ulimit -n`), or lower study.workers.")
    return None


def _function_of(error: BaseException) -> str:
    frames = [] if error.__traceback__ is None else list(traceback.walk_tb(error.__traceback__))
    return frames[-1][0].f_code.co_qualname if frames else "this command"


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


def _no_keys(found: re.Match[str], root: str) -> str:
    """A value in the place of a whole node; only the class of its schema is named: StudyKeys has the keys of study."""
    node = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found["schema"]).lower()
    names = [key for key in sorted(known_keys(root)) if key.startswith(f"{node}.")]
    return f"{node}: '{found['value']}' cannot stand for all of its keys. Set one of {', '.join(names)}."


_WANTED = {
    "Integer": "a whole number",
    "field of type 'int'": "a whole number",
    "field of type 'str'": "text",
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
    # What a file of conf/ states: there OmegaConf names the whole key after the cause.
    (r"(?:Value|Incompatible value) '(?P<value>.*?)' (?P<cause>.*?) full_key: (?P<key>[\w.]+)", _refused),
    (r"(?P<cause>Cannot convert '\w+' to string): '(?P<value>.*?)' full_key: (?P<key>[\w.]+)", _refused),
    (
        r"(?P<cause>Merge error): \w+ is not a subclass of (?P<schema>\w+)Keys\. value: (?P<value>.*?) full_key",
        _no_keys,
    ),
    (r"field '\w+' is not Optional full_key: (?P<key>[\w.]+)", _needed),
    (r"Key '[^']+' not in '\w+' full_key: (?P<key>[\w.]+)", _unknown_key),
    (r"missing mandatory value: (?P<key>[\w.]+)", _needed),
    (r"Multiple values for (?P<key>\w+)", _chosen_twice),
]
