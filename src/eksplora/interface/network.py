"""A network class of the user's as a part of the configuration: a file that names it, and its source where needed."""

import inspect
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksplora.config import as_word, choices
from eksplora.counter import fingerprint
from eksplora.errors import ConfigError, nearest
from eksplora.files import write_file
from eksplora.interface.domain import Domain
from eksplora.interface.source import source_of

GIVEN = {"input_shape": "${data.input_shape}", "num_outputs": "${task.num_outputs}"}
"""Parameters of a network that follow from data and task."""

FOLDER = "networks"
"""Folder of sources and configurations of networks, in that of the studies."""


@dataclass(frozen=True)
class Network:
    """A network as configurations name it.

    Attributes:
        name: Its file in `conf/model/`.
        folder: The folder of configurations that has the file; None: one that is searched anyway.
    """

    name: str
    folder: str | None = None


def named(network: object, values: Mapping[str, Any], mlruns: Path) -> Network:
    """A network by the name of its file, or a class, for which files are written.

    The class may come from a module, or from the script or notebook that runs now: then its source is written to a
    module of its own, with what it refers to, so that workers and later commands find it. The names of both end with
    a fingerprint of the source: a changed class is another network, and the study of the earlier one stays as it is.

    Args:
        network: The name, or the class.
        values: Settings and space by name: they give parameters that have no default.
        mlruns: Folder of studies.

    Raises:
        ConfigError: If it is neither, or something that it needs cannot be written down.
    """
    if isinstance(network, str):
        if network not in choices("model"):
            raise ConfigError(f"network: '{network}' is none. {nearest(network, choices('model'))}")
        return Network(network)
    _check_class(network)
    assert isinstance(network, type)
    text = source_of(network) if network.__module__ == "__main__" else None
    parameters = _parameters(network, values)
    identity = fingerprint({"source": text or network.__module__, "class": network.__qualname__, "keys": parameters})
    name = f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', network.__name__).lower()}_{identity[:8]}"
    place = mlruns / FOLDER / name
    module = network.__module__ if text is None else f"network_{name}"
    lines = [f"# Written by eksplora.search(network={network.__name__})", f"_target_: {module}.{network.__qualname__}"]
    lines += [f"{key}: {value} # a parameter of the class" for key, value in parameters.items()]
    _write(
        place, {f"conf/model/{name}.yaml": "\n".join(lines) + "\n"} | ({} if text is None else {f"{module}.py": text})
    )
    return Network(name, str((place / "conf").absolute()))


def _write(place: Path, files: Mapping[str, str]) -> None:
    """Write the files of a network into a folder that holds nothing else: all of it is trusted, as one's own is.

    Raises:
        ConfigError: If there is anything else, as in a copy of somebody else's studies.
    """
    for compiled in place.glob("**/__pycache__"):
        shutil.rmtree(compiled, ignore_errors=True)
    own = {place / name for name in files}
    for path in [place, *place.rglob("*")]:
        is_half_written = path.name.startswith(".")  # by another session; no module or configuration has such a name
        if path.is_symlink() or not (path in own or path.is_dir() or is_half_written or not path.exists()):
            raise ConfigError(f"network: {path} is not of this network. Look at it, then remove the folder {place}.")
    for name, text in files.items():
        write_file(place / name, text)


def _check_class(network: object) -> None:
    """Refuse what is no class of networks.

    Raises:
        ConfigError: Saying what it is.
    """
    from torch import nn

    if isinstance(network, nn.Module):
        raise ConfigError(
            f"network: an object of {type(network).__name__} is given. Give its class: each training builds its own."
        )
    if not isinstance(network, type) or not issubclass(network, nn.Module):
        shown = getattr(network, "__name__", None) or repr(network)
        raise ConfigError(f"network: {shown} is no class of torch.nn.Module. Derive it: class {shown}(nn.Module).")
    if "." in network.__qualname__:
        raise ConfigError(
            f"network: {network.__qualname__} is defined inside of something. Define it at the top level."
        )


def _parameters(network: type, values: Mapping[str, Any]) -> dict[str, str]:
    """The constructor's parameters, each with its text in the file.

    Raises:
        ConfigError: If one has neither a default nor a value.
    """
    found = {}
    for name, parameter in inspect.signature(network).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = parameter.default
        if value is parameter.empty:
            value = values.get(name, values.get(f"model.{name}", value))
            domain = value if isinstance(value, Domain) else None
            value = value if domain is None else domain.values[0] if domain.low is None else domain.low
        if name in GIVEN:
            found[name] = GIVEN[name]
        elif value is parameter.empty:
            raise ConfigError(
                f"network: {network.__name__} needs '{name}', which has no default. Give it one, or a value in "
                f"settings, or search it; {' and '.join(GIVEN)} follow from the data."
            )
        else:
            found[name] = as_word(f"network: {name}", value)
    return found
