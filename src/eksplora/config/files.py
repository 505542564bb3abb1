"""The files of `conf/` as Hydra is given them: plain values, checked before anything is made of them.

Only files that take part in a composition are read, so a file that nobody chose stops nobody.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import OmegaConfBaseException

from eksplora.config.folders import own_folders
from eksplora.config.renamed import with_present_names
from eksplora.errors import ConfigError
from eksplora.untrusted import PlainLoader, is_name, parse_yaml, read_plain

WAY_OUT = "Correct the file."
NO_HYDRA = (
    "the node 'hydra' is not set here: it says which folders Hydra makes and which code it calls, and these commands "
    "use neither. Remove it."
)
NO_PACKAGE = "an experiment sets keys of other groups. Begin its file with the line '# @package _global_'."
ENTRY = re.compile(r"(optional |override )*/?(?P<path>[^@\s]+)(@(?P<package>[\w.]+))?")
"""An entry of a defaults list: keywords, a group or a file, and the package that it goes to."""


HANDED_ON = ("experiment", "exploration", "space")
"""Groups whose files people give each other: they choose among parts and values, and say nothing of this machine."""

PLACES = re.compile(r"[+~]*(space\.)?(params\.)?((paths|output)(\.|$)|tracker\.|data\.(root|source_dir|url)$)")
"""Keys that say where files and runs lie, as they stand in such a file or in one of its overrides."""


class _Loader(PlainLoader):
    """Plain values with OmegaConf's numbers: 1e-3 is one."""

    yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers


class CheckedFiles(ConfigSource):
    """Hydra's source of configurations, for a folder `conf/`: names stay inside of it, and contents are checked."""

    def __init__(self, provider: str, path: str) -> None:
        """Read from the folder `path`."""
        super().__init__(provider=provider, path=path if "://" in path else f"file://{path}")

    @staticmethod
    def scheme() -> str:
        """Stand for plain folders."""
        return "file"

    def load_config(self, config_path: str) -> ConfigResult:
        """The content of a file.

        Raises:
            UserError: If its name leads outside, or its content is anything but a mapping of plain values.
        """
        path = self._file(config_path)
        if not all(is_name(part) for part in config_path.removesuffix(".yaml").split("/")):
            raise ConfigError(f"'{config_path}' is no name of a file in conf/. Choose one of its files.")
        values, header = read_file(path)
        values = with_present_names(values, shown(path))
        return ConfigResult(
            config=_as_config(values, path), path=f"file://{self.path}", provider=self.provider, header=dict(header)
        )

    def available(self) -> bool:
        """Whether the folder is there."""
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        """Whether a group has this name."""
        return (Path(self.path) / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Whether a file has this name."""
        return self._file(config_path).is_file()

    def list(self, config_path: str, results_filter: Any) -> list[str]:
        """Names of files and groups, for Hydra's own messages."""
        files: list[str] = []
        for file in sorted(os.listdir(Path(self.path) / config_path)):  # noqa: PTH208  # names, not paths
            name = f"{config_path}/{file}" if config_path else file
            self._list_add_result(files=files, file_path=name, file_name=file, results_filter=results_filter)
        return sorted(set(files))

    def _file(self, config_path: str) -> Path:
        return Path(self.path) / self._normalize_file_name(config_path)


def _as_config(values: dict[str, Any], path: Path) -> DictConfig:
    try:
        return OmegaConf.create(values)
    except OmegaConfBaseException as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{shown(path)} cannot be read ({reason}). {WAY_OUT}") from None


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The values of a configuration file and its header (`# @package ...`); a file without content has no values.

    Raises:
        UserError: If it cannot be read, is no mapping of plain values, or sets what belongs to Hydra.
    """
    try:
        status = path.stat()
        return _read_file(path, (status.st_mtime_ns, status.st_size, status.st_ino))
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read ({error.strerror}). {WAY_OUT}") from None


@lru_cache(maxsize=1024)
def _read_file(path: Path, state: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, str | None]]:
    """`read_file` of a file in a state; a command composes the same files several times."""
    content = read_plain(path)
    values = parse_yaml(content, source=shown(path), way_out=WAY_OUT, loader=_Loader)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{shown(path)} holds no keys: it must be lines of 'key: value'. {WAY_OUT}")
    header = _header(content, path)
    _check_keys(values, path, "")
    _check_defaults(values.get("defaults", []), path)
    if header.get("package") == "_global_" or path.parent.name in HANDED_ON:
        _check_places(values, path, "")
    if path.parent.name == "experiment" and header.get("package") != "_global_":
        raise ConfigError(f"{shown(path)}: {NO_PACKAGE}")
    return values, header


def _header(content: bytes, path: Path) -> dict[str, str | None]:
    """The comments `# @<key> <value>` at the head of a file: its values are its group's or the root's, nowhere else."""
    try:
        header = ConfigSource._get_header_dict(content.decode("utf-8-sig")[:512])
    except ValueError as error:
        raise ConfigError(f"{shown(path)}: {error}. {WAY_OUT}") from None
    if header.get("package") not in (None, "_global_", "_group_"):
        package = header["package"]
        raise ConfigError(f"{shown(path)}: its package '{package}' is none of _global_ and _group_. {WAY_OUT}")
    return header


def _check_keys(values: Any, path: Path, prefix: str) -> None:
    """Refuse keys that are no text, and at the top the node that belongs to Hydra."""
    if isinstance(values, list):
        for value in values:
            _check_keys(value, path, prefix)
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        name = f"{prefix}{key}"
        if not isinstance(key, str) or "${" in key or not key:
            raise ConfigError(f"{shown(path)}: the key {name!r} is no word. Write it in quotes if it is to be text.")
        if name.partition(".")[0] == "hydra":
            raise ConfigError(f"{shown(path)}: {NO_HYDRA}")
        _check_keys(value, path, f"{name}.")


def _check_places(values: Any, path: Path, name: str) -> None:
    """Refuse what is not for somebody else's file to say: folders and addresses, and what the environment holds.

    Raises:
        ConfigError: Naming the file and the key.
    """
    override, sign, _ = values.partition("=") if isinstance(values, str) else ("", "", "")
    for place in (name, override if sign else ""):
        if PLACES.match(place):
            raise ConfigError(
                f"{shown(path)}: {place} says where files or runs lie, which no file of {path.parent.name}/ may. "
                "Remove it, and give it on the command line."
            )
    if isinstance(values, str) and ":" in values.partition("${")[2]:
        raise ConfigError(f"{shown(path)}: {name}: {values!r} asks for more than another key. Write the value itself.")
    items = dict(enumerate(values)) if isinstance(values, list) else values if isinstance(values, dict) else {}
    for key, inner in items.items():
        _check_places(inner, path, f"{name}.{key}" if name else str(key))


def _check_defaults(entries: Any, path: Path) -> None:
    """Refuse entries of a defaults list that name no file of `conf/`.

    Raises:
        ConfigError: Naming the file and the entry.
    """
    for entry in entries if isinstance(entries, list) else [entries]:
        pairs = list(entry.items()) if isinstance(entry, dict) else [(entry, "_self_")]
        key, choice = pairs[0] if len(pairs) == 1 else ("", None)
        found = ENTRY.fullmatch(key) if isinstance(key, str) else None
        parts = found["path"].split("/") if found else []
        if "hydra" in parts or (found and "hydra" in (found["package"] or "").split(".")):
            raise ConfigError(f"{shown(path)}: {NO_HYDRA}")
        if not parts or not all(map(is_name, parts)) or not is_name(choice):
            raise ConfigError(
                f"{shown(path)}: its defaults have the entry {entry!r}, which names no file of conf/. Write "
                "'- override /<group>: <file>', in quotes where YAML would read another value (\"off\")."
            )


def shown(path: Path) -> str:
    """A file of `conf/` as a person knows it."""
    folders = [folder for folder in path.parents if folder.name == "conf"]
    return str(path.relative_to(folders[-1].parent)) if folders else str(path)


class OwnFolders(SearchPathPlugin):
    """Hydra's hook for further folders: the user's own are searched before the one that comes with eksplora."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Put the user's own folders first."""
        for own in reversed(own_folders()):
            search_path.prepend(provider="own", path=f"file://{own}")


def install() -> None:
    """Have Hydra read folders through `CheckedFiles`: first its own sources, then ours in the place of one of them."""
    Plugins.instance().register(OwnFolders)
    SourcesRegistry.instance().types["file"] = CheckedFiles
