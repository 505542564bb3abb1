import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from eksplora.launch._starting import start_server

sys.path.insert(0, str(Path(__file__).parent))  # launched_work.py, for the workers


@pytest.fixture(autouse=True, scope="session")
def _server_of_workers() -> None:
    """Start it with what any test of this run may want: it reads search path and imports once, when it starts."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    multiprocessing.get_context("forkserver").set_forkserver_preload(["eksplora.work.job", "launched_work"])
    start_server()
