"""Servers that refuse, or are none, and files that cannot be written: one line with the way out."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import example_study as example
import pytest
from mutating import TEXTS

from eksplora.errors import StorageError, UserError
from eksplora.events.spool import Spool
from eksplora.tracker._explain import explained
from eksplora.tracker._lookup import MlflowLookup
from eksplora.tracker._registry import MlflowRegistry
from eksplora.tracker.base import Unreachable
from eksplora.tracker.mlflow import MlflowTracker

SHAPES = (
    *(b'{"run": 3}', b'{"run": []}', b'{"run": null}', b'{"run": {"info": {"run_id": 3}, "data": {"tags": "x"}}}'),
    *(b'{"run": {"data": {"tags": [{"key": 1}, null]}}}', b'{"experiment": {"experiment_id": {}}}'),
    *(b'{"model_version": "1"}', b'{"model_version": {"run_id": ["a"]}}', b'{"runs": {"a": 1}}'),
)
"""Answers whose names are MLflow's, and nothing else."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://ann:topsecret@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"<html>log in</html>", r"asks for a login \(401\)\. Set MLFLOW_TRACKING_USERNAME and"),
        (403, b"forbidden", r"forbids it \(403\)\. Ask for the rights, or set tracker\.uri\."),
        (200, b"<!doctype html><html>a router's page</html>", r"is no MLflow server .* Set tracker\.uri\."),
        (404, b"<html>not found</html>", r"is no MLflow server .* Set tracker\.uri\."),
    ],
)  # fmt: skip
def test_what_a_server_answers_is_one_line_without_the_password(
    tmp_path: Path, status: int, body: bytes, expected: str
) -> None:
    example.begin(Spool(tmp_path / "spool.jsonl"))
    with answering(status, body) as uri:
        tracker = MlflowTracker(uri=uri, database="unused", artifacts="unused", timeout_seconds=1)
        with pytest.raises(StorageError, match=expected) as filled:
            tracker.sync(tmp_path / "spool.jsonl", is_over=True)
        with pytest.raises(StorageError, match=expected) as asked, tracker.lookup() as lookup:
            lookup.ids("wine_mlp", "wine", "0123")
    for error in (filled, asked):
        assert "\n" not in str(error.value)
        assert "topsecret" not in str(error.value)
        assert "http://***@127.0.0.1" in str(error.value)
    assert "`make sync` brings it in" in str(filled.value)
    assert not [path for path in tmp_path.rglob("*") if b"topsecret" in path.read_bytes()]


ASKED: list[Callable[[MlflowTracker], object]] = [
    lambda tracker: _looked(tracker, lambda lookup: lookup.shown("0" * 32)),
    lambda tracker: _looked(tracker, lambda lookup: lookup.ids("wine_mlp", "wine", "0123")),
    lambda tracker: _looked(tracker, lambda lookup: lookup.metrics("0" * 32)),
    lambda tracker: _registered(tracker, lambda registry: registry.champion("eksplora-wine")),
    lambda tracker: _registered(tracker, lambda registry: registry.run_of("eksplora-wine", "1")),
]
"""What commands ask a server."""


def _looked(tracker: MlflowTracker, ask: Callable[[MlflowLookup], object]) -> object:
    with tracker.lookup() as lookup:
        return ask(lookup)


def _registered(tracker: MlflowTracker, ask: Callable[[MlflowRegistry], object]) -> object:
    with tracker.registry() as registry:
        return ask(registry)


@pytest.mark.parametrize("body", [*TEXTS, *SHAPES])
def test_json_of_another_shape_from_a_server_is_one_line(body: bytes) -> None:
    with answering(200, body) as uri:
        tracker = MlflowTracker(uri=uri, database="unused", artifacts="unused", timeout_seconds=1)
        for ask in ASKED:
            try:
                ask(tracker)
            except UserError as error:
                assert "\n" not in str(error) and "topsecret" not in str(error)


def test_a_database_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "mlflow.db").close()
    with (
        closing(sqlite3.connect(f"file:{tmp_path}/mlflow.db?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        connection.execute("CREATE TABLE a (b)")
    problem, way_out, is_common = explained(raised.value, "sqlite:///mlflow.db")
    assert problem == "MLflow at sqlite:///mlflow.db cannot be written"
    assert way_out == "Give yourself the rights to file and folder."
    assert is_common


def test_what_nobody_foresaw_keeps_its_words_in_one_line() -> None:
    problem, way_out, is_common = explained(ValueError("a\nb http://ann:topsecret@host"), "http://h")
    assert problem == "MLflow at http://h cannot be used (a b http://***@host)"
    assert (way_out, is_common) == ("", False)
    assert Unreachable.__mro__[1] is StorageError
