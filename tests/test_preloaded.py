"""A command that is forked is, to a test, the one that the interpreter starts: each claim holds for both alike."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import preloaded
import pytest
from processes import stat

LOOKS = """
import json, multiprocessing, os, signal, sys, tempfile, threading, time, warnings
found = {
    "main": sorted(set(globals()) - {"__annotations__", "__cached__", "__loader__"}),
    "name": __name__, "file": __file__, "executable": sys.executable, "flags": list(sys.flags),
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path,
    "folder": os.getcwd(), "environment": dict(os.environ), "umask": os.umask(0), "stdin": sys.stdin.read(),
    "temporary": tempfile.gettempdir(), "zone": time.tzname, "parent": os.getppid(),
    "leads": os.getsid(0) == os.getpid(), "files": os.listdir("/proc/self/fd")[:3],
    "handlers": {number: str(signal.getsignal(number)).split(" at ")[0] for number in range(1, 32)},
    "blocked": [*signal.pthread_sigmask(signal.SIG_BLOCK, ())], "threads": threading.active_count(),
    "own": sys.warnoptions, "warns": [entry[0] for entry in warnings.filters if entry[2] is UserWarning],
    "streams": [(one.encoding, one.errors, one.line_buffering) for one in (sys.stdin, sys.stdout, sys.stderr)],
}
print(json.dumps(found))
"""
ENDS = {
    "nothing": "",
    "a number": "import sys; sys.exit(3)",
    "a large number": "import sys; sys.exit(259)",
    "a sentence": "import sys; sys.exit('told')",
    "an error": "def f(): raise ValueError('told')\nimport atexit; atexit.register(print, 'after'); f()",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "Ctrl-C": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "what is left": "import atexit, threading, time; atexit.register(print, 'last'); print('first')\n"
    "threading.Thread(target=lambda: print('then', flush=True)).start()",
}
WORKERS = """
import multiprocessing, os, sys
def work(queue):
    queue.put((__name__, os.getsid(0) == os.getpid(), os.getcwd(), sorted(os.environ.items()), sys.path, sys.argv))
if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["colorsys"])
    for _ in range(2):
        queue = context.SimpleQueue()
        process = context.Process(target=work, args=(queue,))
        process.start()
        print(queue.get(), process.join(), process.exitcode)
"""


def both(tmp_path: Path, text: str, **given: Any) -> list[tuple[int, str, str]]:
    """How a script ends and what it prints: started by the interpreter, and forked."""
    script = tmp_path / "script.py"
    script.write_text(text)
    words = [sys.executable, str(script), "one", "two words"]
    real = subprocess.run(words, capture_output=True, text=True, **given)
    forked = preloaded.run(words, **given)
    return [(done.returncode, done.stdout, done.stderr) for done in (real, forked)]


@pytest.mark.parametrize("new_session", [pytest.param(False, marks=pytest.mark.slow), True])
def test_it_sees_what_a_started_one_sees(new_session: bool, tmp_path: Path) -> None:
    own = os.environ | {"PYTHONPATH": f"{tmp_path}:/somewhere", "PYTHONWARNINGS": "error::UserWarning", "NEW": "\udcff"}
    own |= {"TMPDIR": str(tmp_path), "TZ": "Asia/Tokyo"}
    own.pop("HOME", None)
    real, forked = both(tmp_path, LOOKS, cwd=tmp_path, env=own, start_new_session=new_session, stdin=subprocess.DEVNULL)
    assert real[0] == 0 and f'"parent": {os.getpid()}' in real[1]
    assert forked == real


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_as_a_started_one_ends(end: str, tmp_path: Path) -> None:
    real, forked = both(tmp_path, ENDS[end])
    assert forked == real


def test_workers_are_forked_from_a_process_that_has_the_libraries_and_is_like_a_started_one(tmp_path: Path) -> None:
    own = dict(os.environ)  # without what libraries of this process may have set past Python
    real, forked = both(tmp_path, WORKERS, env=own, stdin=subprocess.DEVNULL)
    assert real[0] == 0 and real[1].count("__mp_main__") == 2
    assert forked == real


def test_a_signal_reaches_it_and_its_libraries_are_loaded(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('torch' in sys.modules, flush=True)\nsys.stdin.read()\n")
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with preloaded.start([sys.executable, str(script)], **streams) as process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        assert stat(process.pid)[1] == str(os.getpid()) and process.poll() is None
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("own", [{"OMP_NUM_THREADS": "7"}, {"PYTHONHASHSEED": "5"}, {"LC_ALL": "C"}])
def test_an_environment_that_is_read_once_gets_an_interpreter_of_its_own(own: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('torch' in sys.modules)\n")
    assert preloaded.run([sys.executable, str(script)], env=os.environ | own).stdout == "False\n"
