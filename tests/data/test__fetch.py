import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from eksplora.data import _fetch
from eksplora.errors import DataError, StorageError

CONTENT = np.random.default_rng(0).bytes(1_000_000)


class Server:
    """A real web server on the loopback; `cuts` holds how many bytes the next answers send before they break off."""

    def __init__(self):
        self.requests, self.cuts, self.status = [], [], 200
        self.has_ranges = True
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handler(server):  # noqa: N805 - the handler's own self is the inner one
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = self.headers["Range"]
                server.requests.append(asked)
                if server.status != 200:
                    return self.send_error(server.status)
                start = int(asked[len("bytes=") : -1]) if asked and server.has_ranges else 0
                if start >= len(CONTENT):
                    return self.send_error(416)
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(CONTENT) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
                self.end_headers()
                self.wfile.write(CONTENT[start:][: server.cuts.pop(0) if server.cuts else None])
                return None

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(_fetch, "BACKOFF_SECONDS", 0.001)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def is_content(path):
    if path.read_bytes() != CONTENT:
        raise DataError(f"{path} is refused. Delete it.")


def test_a_file_arrives_whole_in_one_request(server, tmp_path, capsys):
    path = tmp_path / "raw" / "file"
    _fetch.download(server.url, path, verify=is_content)
    assert path.read_bytes() == CONTENT
    assert server.requests == [None]
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
    assert "file: 1.0 of 1.0 MB" in capsys.readouterr().err


def test_a_cut_connection_is_continued_where_it_broke_off(server, tmp_path):
    server.cuts = [300_000, 200_000]
    _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_command_continues_what_an_earlier_one_left(server, tmp_path):
    server.cuts = [100_000, 100_000, 100_000, 100_000]
    with pytest.raises(_fetch.DownloadFailed, match=r"/file cannot be fetched \(the connection ended early\)"):
        _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:400_000]
    assert not (tmp_path / "file").exists()
    _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert server.requests[-1] == "bytes=400000-"


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.cuts, server.has_ranges = [300_000], False
    _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_whole_partial_file_only_gets_its_name(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_refused_file_is_deleted_so_that_the_next_command_begins_anew(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"file\.part is refused"):
        _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert list(tmp_path.iterdir()) == []
    _fetch.download(server.url, tmp_path / "file", verify=is_content)


def test_a_file_beyond_the_cap_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "MAX_BYTES", 500_000)
    with pytest.raises(DataError, match=r"/file is larger than 0 MiB"):
        _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, 4), (429, 4)])
def test_only_passing_failures_are_tried_again(server, tmp_path, status, attempts):
    server.status = status
    with pytest.raises(_fetch.DownloadFailed, match=rf"cannot be fetched \(HTTP {status} "):
        _fetch.download(server.url, tmp_path / "file", verify=is_content)
    assert len(server.requests) == attempts


def test_a_closed_port_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "BACKOFF_SECONDS", 0.001)
    with pytest.raises(_fetch.DownloadFailed, match=r"127\.0\.0\.1:1/file cannot be fetched \(.*refused"):
        _fetch.download("http://127.0.0.1:1/file", tmp_path / "file", verify=is_content)


def test_a_folder_that_cannot_be_written_is_a_storage_error(server, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(StorageError, match=r"/taken: cannot be written"):
        _fetch.download(server.url, tmp_path / "taken" / "file", verify=is_content)
