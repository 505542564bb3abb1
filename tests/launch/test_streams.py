"""Standard streams of real processes: closed ones, and terminals that go away."""

import os
import pty
import subprocess
import sys
from pathlib import Path

CLOSED = """
import os, sys
from eksplora.launch.streams import outlast_terminal, say_at_once
outlast_terminal()
file = open("record", "w")
print("lost")
print("lost", file=sys.stderr)
say_at_once("lost")
assert file.fileno() > 2 and all(map(os.get_inheritable, range(3))), file
"""
TERMINAL = """
import contextlib, os, sys
from eksplora.launch.streams import outlast_terminal, say_at_once
outlast_terminal()
print("shown", flush=True)
with contextlib.suppress(OSError):
    os.read(0, 1)
for stream in (sys.stdout, sys.stderr):
    print("lost", file=stream, flush=True)
say_at_once("lost")
os.mkdir("done")
"""


def test_files_never_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", CLOSED]
    assert subprocess.run(command, cwd=tmp_path).returncode == 0
    assert (tmp_path / "record").read_text() == ""


def test_writing_to_a_terminal_that_is_gone_is_no_error(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    assert os.read(master, 100) == b"shown\r\n"
    os.close(master)
    assert process.wait() == 0
    assert (tmp_path / "done").exists()
