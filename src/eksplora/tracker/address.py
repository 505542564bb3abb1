"""Place of MLflow: addresses as they are used, and as they may be shown."""

import atexit
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

VARIABLE = "MLFLOW_TRACKING_URI"
"""MLflow's own variable: the address where `tracker.uri` names none."""

_ADDRESS = re.compile(r"sqlite:\S+|//\S+")
_USER = re.compile(r"(?<=//)\S*@")
_QUERY_VALUE = re.compile(r"(?<=[?&;])([^=&;\s]+)=[^&;\s]*")


def masked(text: str) -> str:
    """A text without the passwords and tokens of the addresses in it; whatever is printed or stored goes through here.

    Examples:
        >>> masked("http://ann:secret@host:5000 and postgresql://host/runs?password=secret&user=ann")
        'http://***@host:5000 and postgresql://host/runs?password=***&user=***'
        >>> masked("sqlite:////home/ann@work/mlflow.db")
        'sqlite:////home/ann@work/mlflow.db'
    """
    return _ADDRESS.sub(_masked_address, text)


def _masked_address(found: re.Match[str]) -> str:
    if found[0].startswith("sqlite:"):
        return found[0]
    return _QUERY_VALUE.sub(r"\1=***", _USER.sub("***@", found[0]))


def chosen(uri: str | None, database: str) -> tuple[str, str]:
    """The address to use, and a line on the environment's part in it; empty where it has none.

    Args:
        uri: What the configuration names; None leaves it to the environment.
        database: The SQLite file where neither names an address.
    """
    given = os.environ.get(VARIABLE, "")
    if uri is None:
        if given:
            return given, f"MLflow at {masked(given)}, which {VARIABLE} names (tracker.uri=... names another one)"
        return f"sqlite:///{database}", ""
    if given and given != uri:
        return uri, f"MLflow at {masked(uri)}, which tracker.uri names, not at {masked(given)} of {VARIABLE}"
    return uri, ""


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address, None for others."""
    return Path(uri.removeprefix("sqlite:///")).absolute() if uri.startswith("sqlite:///") else None


def client_uri(database: Path) -> str:
    """The address of a SQLite file for MLflow's client, from wherever one stands."""
    return f"sqlite:///{_linked(database) if set('?%') & set(str(database)) else database}"


@cache
def _linked(database: Path) -> Path:
    """A link to a file whose path has what means something else in an address, where MLflow would not quote it."""
    folder = tempfile.mkdtemp(prefix="eksplora-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = Path(folder) / "mlflow.db"
    link.symlink_to(database)
    return link
