"""The folders that configurations are read from, and what lies in them.

First comes the user's own `conf/` in the working folder, then the one that comes with eksplora: groups and files add
up, and of two files of one name the user's own counts. A checkout's own folder is both.
"""

import sys
from pathlib import Path

from eksplora.installation import CHECKOUT, CONF
from eksplora.untrusted import is_name


def project() -> Path:
    """The project that is worked on: the checkout, and for an installed eksplora the working folder."""
    return CHECKOUT or Path.cwd()


def own_folder() -> Path | None:
    """The user's own `conf/` in the working folder; None where there is none, or only the one of the checkout."""
    own = Path("conf")
    return own.absolute() if own.is_dir() and not own.samefile(CONF) else None


def folders() -> tuple[Path, ...]:
    """All folders of configurations, in the order in which they are searched."""
    own = own_folder()
    return (CONF,) if own is None else (own, CONF)


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
    """Let the user's own `conf/` name parts that lie in the working folder: after all else that can be imported."""
    if own_folder() is not None and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
