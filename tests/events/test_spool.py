import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from spooling import plain, put

from eksplora.errors import StorageError, StudyError
from eksplora.events.event import Epochs
from eksplora.events.spool import Spool, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.spool"


def fill(path: Path, count: int) -> None:
    spool = Spool(path)
    for index in range(count):
        put(spool, "counted", trial=index)
    spool.close()


def test_events_come_back_as_they_were_appended(path: Path) -> None:
    spool = Spool(path)
    sent = [
        put(spool, "begun", name="a\nb ä", nested={"x": [1, 2.5, None, True]}),
        put(spool, "kind", kind="data may have a kind", time=3, durable=True),
    ]
    spool.close()
    assert list(read(path)) == sent
    assert sent[-1].end == path.stat().st_size


def test_values_that_are_not_finite_survive(path: Path) -> None:
    put(Spool(path), "drawn", values=[math.nan, math.inf, -math.inf])
    (event,) = read(path)
    assert math.isnan(plain(event.body)["values"][0])
    assert plain(event.body)["values"][1:] == [math.inf, -math.inf]


def test_numpy_numbers_become_plain_ones(path: Path) -> None:
    put(Spool(path), "drawn", loss=np.float32(0.5), counts=np.arange(3))
    (event,) = read(path)
    assert plain(event.body) == {"loss": 0.5, "counts": [0, 1, 2]}


def test_values_that_are_not_plain_are_refused(path: Path) -> None:
    with pytest.raises(TypeError, match="plain values, got PosixPath"):
        put(Spool(path), "drawn", value=path)
    assert path.stat().st_size == 0


def test_reading_goes_on_where_an_earlier_event_ended(path: Path) -> None:
    fill(path, 5)
    events = list(read(path))
    assert list(read(path, events[2].end)) == events[3:]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_passed_over_and_then_cut_off(path: Path, cut: int) -> None:
    fill(path, 3)
    events, content = list(read(path)), path.read_bytes()
    path.write_bytes(content[:-cut])
    assert list(read(path)) == events[:2]
    spool = Spool(path)
    assert path.stat().st_size == events[1].end
    put(spool, "counted", trial=2)
    assert [plain(event.body)["trial"] for event in read(path)] == [0, 1, 2]


def test_a_torn_line_longer_than_a_block_is_cut_off(path: Path) -> None:
    fill(path, 2)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    Spool(path).close()
    assert path.stat().st_size == size


def test_an_altered_line_is_refused_with_its_number(path: Path) -> None:
    fill(path, 5)
    content = bytearray(path.read_bytes())
    third = list(read(path))[1].end
    content[third + 15] ^= 1
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"events\.spool, line 3, is damaged: .* Restore the file"):
        list(read(path))
    with pytest.raises(StudyError, match="line 3"):
        list(read(path, third))


def test_a_kill_in_the_middle_loses_no_event_that_append_returned(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from eksplora.events.event import Other; "
        "from eksplora.events.spool import Spool\n"
        f"spool, n = Spool(Path({str(path)!r})), 0\n"
        "while True:\n    spool.append(Other('counted', {'trial': n, 'text': 'x' * 5000}))\n"
        "    n += 1; print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    shown = [int(process.stdout.readline()) for _ in range(200)]
    process.kill()
    process.communicate()
    numbers = [plain(event.body)["trial"] for event in read(path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= shown[-1]


def test_a_full_disk_leaves_the_file_as_it_was(path: Path) -> None:
    code = (
        "import resource, signal; from pathlib import Path; from eksplora.events.event import Other; "
        "from eksplora.events.spool import Spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"spool = Spool(Path({str(path)!r}))\n"
        "spool.append(Other('counted', {'trial': 0}))\n"
        "try:\n    spool.append(Other('counted', {'trial': 1, 'text': 'x' * 2000}))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
        "spool.append(Other('counted', {'trial': 2}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"StorageError Cannot write {path}: No space left on device.")
    assert "then give the same command again." in done.stdout
    assert [plain(event.body)["trial"] for event in read(path)] == [0, 2]


def test_a_folder_that_does_not_exist_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Cannot write .*no/spool: No such file"):
        Spool(tmp_path / "no" / "spool")


def test_an_event_is_one_write_and_waits_for_the_disk_only_when_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, writes, synced = Spool(path), [], []
    write, sync = os.write, os.fdatasync
    monkeypatch.setattr(os, "write", lambda file, line: (writes.append(line), write(file, line))[1])
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), sync(file))[1])
    event = Epochs(1, 0, 1, {f"metric_{index}": [0.123] for index in range(4)}, [1])
    for count in range(1, 4):
        spool.append(event)
        assert (len(writes), synced) == (count, [])
    spool.append(event, durable=True)
    assert (len(writes), len(synced)) == (4, 1)
    assert b"".join(writes) == path.read_bytes()
