import multiprocessing
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eksplora.launch._starting import end_server, start_server

sys.path.insert(0, str(Path(__file__).parent))  # launched_work.py, for the workers


@pytest.fixture(autouse=True, scope="module")
def _server_of_workers() -> Iterator[None]:
    """Start it anew for these tests, and end it: it reads search path and imports once, and others want more of it."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    end_server()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["launched_work"])
    start_server()
    yield
    end_server()
