import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eksplora.errors import DataError, StorageError, StudyError
from eksplora.study.lock import hold

HOLDER = "import signal; import sys, time; from pathlib import Path; from eksplora.study.lock import hold\n"
HOLDER += "with hold(Path(sys.argv[1])): print('held', flush=True); signal.pause()"


def test_second_driver_is_shown_who_holds_the_study(tmp_path: Path) -> None:
    with hold(tmp_path / "small"), pytest.raises(StudyError, match=f"'small' is being run by process {os.getpid()}"):
        hold(tmp_path / "small").__enter__()


def test_lock_is_free_after_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path / "small"):
            assert (tmp_path / "small/lock").read_text() == str(os.getpid())


def test_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "small"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout as output:
        assert output.readline() == "held\n"
        with pytest.raises(StudyError, match=f"process {holder.pid}"):
            hold(tmp_path / "small").__enter__()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with hold(tmp_path / "small"):
        assert (tmp_path / "small/lock").read_text() == str(os.getpid())


def test_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/small: cannot be written .*paths.mlruns=<folder>"):
        hold(tmp_path / "file" / "small").__enter__()


def test_a_folder_that_is_a_link_is_refused_and_nothing_is_written_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(DataError, match=r"study, which the study names, is a symbolic link\."),
        hold(tmp_path / "study"),
    ):
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_holder_of_a_moment_is_waited_for(tmp_path: Path) -> None:
    """As a study of another name does that fills MLflow with what this one left."""
    held, release = threading.Event(), threading.Event()

    def hold_for_a_moment() -> None:
        with hold(tmp_path / "small", waits=False):
            held.set()
            release.wait(1.0)

    other = threading.Thread(target=hold_for_a_moment)
    other.start()
    assert held.wait()
    with pytest.raises(StudyError, match="being run"):
        hold(tmp_path / "small", waits=False).__enter__()
    with hold(tmp_path / "small"):
        assert (tmp_path / "small/lock").read_text() == str(os.getpid())
    other.join()
