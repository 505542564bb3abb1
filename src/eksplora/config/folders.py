"""The folders that configurations are read from, and what lies in them.

First come the folders that were asked for (`--config-dir`, `hydra.searchpath`), then the user's own `conf/` in the
working folder, then those of packages that he installed, then the one that comes with eksplora: groups and files add
up, and of several files of one name the first counts. A checkout's own folder is both the user's and eksplora's.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from multiprocessing import parent_process
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from eksplora.errors import ConfigError
from eksplora.installation import CHECKOUT, CONF, CONFIG_DIRS
from eksplora.untrusted import is_name

ENTRY_POINTS = "eksplora.conf"
"""Group of entry points by which an installed package names its folder of configurations, as a package: `mine.conf`."""


def project() -> Path:
    """The project that is worked on: the checkout, and for an installed eksplora the working folder."""
    return CHECKOUT or Path.cwd()


SEARCH_PATH = "hydra.searchpath"
"""The one key of Hydra's own that may be typed: as `--config-dir` does, it names folders of configurations."""


def search_path(word: str) -> list[str]:
    """The folders that `hydra.searchpath=[file://DIR, pkg://mine.conf]` names; no package is imported for it.

    Examples:
        >>> search_path("hydra.searchpath=[file://team/conf]")
        ['team/conf']

    Raises:
        ConfigError: If it is no list of such places, or a package has no such folder.
    """
    try:
        places = OverridesParser.create().parse_override(word).value()
    except HydraException:
        places = None
    if not isinstance(places, list) or not places:
        raise ConfigError(f"{word}: names no folders. Write '{SEARCH_PATH}=[file://DIR]', or --config-dir DIR.")
    return [_folder_at(str(place)) for place in places]


def _folder_at(place: str) -> str:
    scheme, _, name = place.rpartition("://")
    if not name or scheme not in ("", "file", "pkg"):
        raise ConfigError(f"{SEARCH_PATH}: {place} is no folder and no package. Write file://DIR or pkg://mine.conf.")
    if scheme != "pkg":
        return name
    folder = _folder_of(name)
    if folder is None:
        raise ConfigError(
            f"{SEARCH_PATH}: {place} is no folder of an installed package. Install it, or write file://DIR."
        )
    return str(folder)


def ask_for(given: Sequence[str]) -> None:
    """Have these folders searched first, by this process and by those that it starts.

    Raises:
        ConfigError: If one of them, or of those that the environment names, is no folder.
    """
    os.environ[CONFIG_DIRS] = os.pathsep.join(
        [*given, *filter(None, os.environ.get(CONFIG_DIRS, "").split(os.pathsep))]
    )
    for folder in folders_asked_for():
        if not folder.is_dir():
            raise ConfigError(
                f"--config-dir, {SEARCH_PATH}: {folder} is no folder. Give one that holds model/, experiment/, ..."
            )
    if not folders_asked_for():
        del os.environ[CONFIG_DIRS]


def folders_asked_for() -> tuple[Path, ...]:
    """The folders that `--config-dir` or the environment name."""
    return tuple(Path(text).absolute() for text in os.environ.get(CONFIG_DIRS, "").split(os.pathsep) if text)


def own_folder() -> Path | None:
    """The user's own `conf/` in the working folder; None where there is none, or only the one of the checkout."""
    own = Path("conf")
    return own.absolute() if own.is_dir() and not own.samefile(CONF) else None


def own_folders() -> tuple[Path, ...]:
    """The folders of the user's own trust besides eksplora's, in the order in which they are searched."""
    own = own_folder()
    found = [*folders_asked_for(), *(() if own is None else (own,)), *_of_packages()]
    return tuple(dict.fromkeys(folder for folder in found if folder != CONF))


@cache
def _of_packages() -> tuple[Path, ...]:
    """The folders that installed packages declare; none of them is imported for it."""
    found = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.value):
        folder = _folder_of(point.value)
        if folder is not None:
            found.append(folder)
        elif parent_process() is None:  # workers need not say it again
            print(
                f"the package {point.name} has no folder {point.value}, which it names for {ENTRY_POINTS}: left out",
                file=sys.stderr,
            )
    return tuple(found)


def _folder_of(package: str) -> Path | None:
    top, *inside = package.split(".")
    spec = find_spec(top) if top.isidentifier() else None
    places = [Path(place).joinpath(*inside) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place.absolute() for place in places if place.is_dir()), None)


def folders() -> tuple[Path, ...]:
    """All folders of configurations, in the order in which they are searched."""
    return (*own_folders(), CONF)


def find(name: str) -> Path:
    """The file `<group>/<file>.yaml` or `<root>.yaml` of the first folder that has it; where none has, of the last."""
    paths = [folder / name for folder in folders()]
    return next((path for path in paths if path.is_file()), paths[-1])


def files(group: str) -> dict[str, Path]:
    """The files of a group by their names, sorted; one whose name is no word is none of them."""
    found = {path.stem: path for folder in reversed(folders()) for path in (folder / group).glob("*.yaml")}
    return {name: found[name] for name in sorted(found) if is_name(name)}


def groups() -> list[str]:
    """The names of all groups."""
    found = {path.name for folder in folders() for path in folder.iterdir() if path.is_dir()}
    return sorted(filter(is_name, found))


def import_own_parts() -> None:
    """Let the user's own folders name parts that lie beside them: after all else that can be imported."""
    own = own_folder()
    for folder in [*folders_asked_for(), *(() if own is None else (own,))]:
        if str(folder.parent) not in sys.path:
            sys.path.append(str(folder.parent))
