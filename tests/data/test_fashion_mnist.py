import hashlib
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from eksplora.data import _fetch, fashion_mnist
from eksplora.data.fashion_mnist import FILES, FashionMnist
from eksplora.errors import ConfigError, DataError

DEBIAN_FOLDER = fashion_mnist.DEBIAN_FOLDER
needs_files = pytest.mark.skipif(
    not all((DEBIAN_FOLDER / name).is_file() for name in FILES), reason="dataset-fashion-mnist is not installed"
)
SMALL = ("train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(_fetch, "BACKOFF_SECONDS", 0.001)


@pytest.fixture
def no_debian(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "no_such_folder")


def dataset(root, **changes):
    values = {"source_dir": None, "url": "http://127.0.0.1:1", "batch_size": 32, "scaling": "pixel"}
    values |= {"input_shape": [1, 28, 28], "num_classes": 10, "num_targets": None, "stratified": True} | changes
    return FashionMnist(root=str(root), **values)


@pytest.fixture
def web():
    """A real web server on the loopback that offers Debian's files."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(DEBIAN_FOLDER)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@needs_files
def test_the_official_split_is_prepared_from_the_debian_package(tmp_path):
    fashion = dataset(tmp_path)
    card = fashion.prepare()
    assert card["rows"] == {"train": 60_000, "test": 10_000}
    assert card["class_counts"] == {"train": [6000] * 10, "test": [1000] * 10}
    assert card["feature_ranges"] == [[0.0, 255.0]]
    assert card["classes"][9] == "Ankle boot"
    features, targets = fashion.open("train")
    assert (features.shape, features.dtype, targets.dtype) == ((60_000, 1, 28, 28), np.uint8, np.int64)
    assert targets[:5].tolist() == [9, 0, 0, 3, 0]


@needs_files
def test_the_raw_form_is_the_four_files_as_they_are_and_is_used_instead_of_any_source(tmp_path, monkeypatch):
    card = dataset(tmp_path).fetch()
    folder = tmp_path / "raw" / "fashion_mnist"
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", *sorted(FILES)]
    for name in FILES:
        original = (DEBIAN_FOLDER / name).read_bytes()
        assert (folder / name).read_bytes() == original
        assert card["files"][name] == {"bytes": len(original), "sha256": hashlib.sha256(original).hexdigest()}
    monkeypatch.setattr(FashionMnist, "from_source", lambda _: pytest.fail("the source was asked"))
    assert dataset(tmp_path, source_dir=str(tmp_path / "elsewhere")).prepare()["rows"]["train"] == 60_000


@needs_files
def test_a_changed_byte_of_a_raw_file_is_refused_even_where_gzip_would_not_see_it(tmp_path):
    folder = tmp_path / "raw" / "fashion_mnist"
    dataset(tmp_path).fetch()
    with (folder / SMALL[0]).open("r+b") as file:
        file.seek(4)  # the gzip header's time stamp: no checksum covers it
        file.write(b"\x01\x02\x03\x04")
    with pytest.raises(DataError, match=rf"{SMALL[0]} has changed since it was fetched"):
        dataset(tmp_path).prepare()


@needs_files
def test_files_are_fetched_from_the_web_when_no_folder_has_them(tmp_path, no_debian, web):
    dataset(tmp_path, url=f"{web}/").fetch()
    assert dataset(tmp_path).read().features.shape == (70_000, 1, 28, 28)
    folder = tmp_path / "raw" / "fashion_mnist"
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", *sorted(FILES)]
    assert sorted(path.name for path in folder.parent.iterdir()) == [".fashion_mnist.lock", "fashion_mnist"]
    dataset(tmp_path).fetch()  # the closed default address is not asked again


@needs_files
def test_a_later_command_downloads_only_what_an_earlier_one_did_not_get(tmp_path, no_debian, web):
    arrived = tmp_path / "raw" / ".fashion_mnist.download"
    arrived.mkdir(parents=True)
    for name in set(FILES) - {SMALL[1]}:
        shutil.copy(DEBIAN_FOLDER / name, arrived)
    (arrived / f"{SMALL[1]}.part").write_bytes((DEBIAN_FOLDER / SMALL[1]).read_bytes()[:1000])
    with pytest.raises(DataError, match=rf"{SMALL[1]} cannot be fetched"):
        dataset(tmp_path).fetch()
    assert len(list(arrived.iterdir())) == 4
    dataset(tmp_path, url=f"{web}/").fetch()
    assert not arrived.exists()


@needs_files
def test_files_that_an_earlier_version_downloaded_without_a_card_are_not_downloaded_again(tmp_path, no_debian):
    folder = tmp_path / "raw" / "fashion_mnist"
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(DEBIAN_FOLDER / name, folder)
    assert sorted(dataset(tmp_path).fetch()["files"]) == sorted(FILES)


@needs_files
def test_a_source_folder_comes_first_and_its_altered_file_is_refused_by_name(tmp_path):
    for name in FILES:
        shutil.copy(DEBIAN_FOLDER / name, tmp_path)
    with (tmp_path / SMALL[0]).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match=rf"{tmp_path}/{SMALL[0]} is refused: it is truncated"):
        dataset(tmp_path, source_dir=str(tmp_path)).prepare()
    assert not (tmp_path / "raw" / "fashion_mnist").exists()
    assert not (tmp_path / "prepared" / "fashion_mnist").exists()


@needs_files
def test_a_source_folder_without_the_files_is_said_and_passed_over(tmp_path, capsys):
    fashion = dataset(tmp_path, source_dir=str(tmp_path / "typo"))
    assert fashion._folder() == DEBIAN_FOLDER
    assert f"data.source_dir={tmp_path}/typo has no train-images-idx3-ubyte.gz" in capsys.readouterr().err


def test_when_no_way_works_the_error_names_all_three(tmp_path, no_debian):
    ways = r"Set data\.source_dir=.*`apt install dataset-fashion-mnist`.*https"
    with pytest.raises(DataError, match=rf"127\.0\.0\.1:1/train-images.* cannot be fetched .*{ways}"):
        dataset(tmp_path).prepare()
    assert not (tmp_path / "prepared" / "fashion_mnist").exists()


def test_an_altered_download_is_refused_and_does_not_stay(tmp_path, no_debian, monkeypatch):
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    offered = tmp_path / "offered"
    offered.mkdir()
    (offered / "train-images-idx3-ubyte.gz").write_bytes(b"altered")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(offered)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz\.part is refused: it is damaged"):
            dataset(tmp_path, url=f"http://127.0.0.1:{server.server_port}").prepare()
    finally:
        server.shutdown()
        server.server_close()
    assert list((tmp_path / "raw" / ".fashion_mnist.download").iterdir()) == []
    assert not (tmp_path / "raw" / "fashion_mnist").exists()


@pytest.mark.parametrize("url", ["file:///etc", "ftp://example.org", None])
def test_an_address_that_is_not_http_is_refused(tmp_path, url):
    with pytest.raises(ConfigError, match=r"data\.url must begin with https:// or http://, got"):
        dataset(tmp_path, url=url)
