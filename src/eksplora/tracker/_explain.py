"""Errors of MLflow, its databases and its servers in one line, with the way out."""

import re
import sqlite3
from contextlib import closing
from importlib import util
from pathlib import Path

from eksplora.installation import program, target
from eksplora.tracker import _sqlite
from eksplora.tracker.address import client_uri, masked
from eksplora.tracker.base import Unreachable

_LOGIN = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
_DAMAGED = f"Move it away: `{target('sync')}` fills a new one from the studies' spools."
_ANSWERS = (
    (r"error code 401\b|\[401\]|\b401 .*Unauthorized", "asks for a login (401)", _LOGIN),
    (r"error code 403\b|\[403\]|\b403 .*Forbidden", "forbids it (403)", "Ask for the rights, or set tracker.uri."),
    (r"Max retries exceeded|timed out|Connection aborted|Connection refused|NameResolution", "does not answer", ""),
    (
        r"error code 404\b|Expecting value|JSONDecodeError|not in a valid format|<!doctype|<html",
        "is no MLflow server (its answer cannot be read)",
        "Set tracker.uri.",
    ),
    (r"file is not a database|disk image is malformed", "is damaged, or no database", _DAMAGED),
    (r"readonly database|unable to open database", "cannot be written", "Give yourself the rights to file and folder."),
    (r"database or disk is full", "cannot be written: the disk is full", "Free space."),
)
"""Signs in what the libraries raise, what is wrong then, and what to do besides trying again."""


def explained(error: Exception, uri: str) -> tuple[str, str, bool]:
    """An error of MLflow's libraries, without passwords.

    Returns:
        What is wrong, in one line; what to do besides trying again, or nothing; and whether every study would meet it.
    """
    reason = " ".join(str(error).split())
    for sign, problem, way_out in _ANSWERS:
        if re.search(sign, reason, re.IGNORECASE):
            return f"MLflow at {masked(uri)} {problem}", way_out, True
    reason = masked(reason)[:200] or type(error).__name__
    return f"MLflow at {masked(uri)} cannot be used ({reason})", "", False


def check_layout(database: Path) -> str:
    """MLflow's name for the layout of a database's tables (an alembic revision).

    Raises:
        Unreachable: If the database is none of MLflow's, or of another version's than the one that is installed.
        sqlite3.Error: If it cannot be read.
    """
    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            found = [str(version) for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        found = []
    if len(found) != 1:
        raise Unreachable(f"{database} is no database of MLflow's. Move it away, or set tracker.uri.")
    if found[0] in _sqlite.KNOWN_LAYOUTS:
        return found[0]
    known = _revisions()
    if found[0] not in known:
        raise Unreachable(
            f"{database} was written by a newer MLflow (layout {found[0]}) than the one installed here. "
            "Install that one, or set tracker.uri."
        )
    if found[0] in known.values():  # another one was made of it
        raise Unreachable(
            f"{database} was written by an older MLflow (layout {found[0]}). "
            f"Copy the file, then: {program('mlflow')} db upgrade '{client_uri(database)}'"
        )
    return found[0]


def check_whole(database: Path) -> None:
    """Look at all pages of a database: what is torn in its middle answers many questions as if nothing were wrong.

    Raises:
        sqlite3.Error: If it is damaged.
    """
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("database disk image is malformed")


def _revisions() -> dict[str, str]:
    """The layouts that the installed MLflow knows, each with the one before it."""
    package = util.find_spec("mlflow")
    folders = package.submodule_search_locations if package else None
    assert folders
    found = {}
    for file in (Path(folders[0]) / "store" / "db_migrations" / "versions").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        pair = [re.search(rf"^{key}\s*=\s*[\"'](\w+)", text, re.MULTILINE) for key in ("revision", "down_revision")]
        if pair[0]:
            found[pair[0][1]] = pair[1][1] if pair[1] else ""
    return found
