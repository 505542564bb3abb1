"""Growth of a user's own table: time and peak memory of preparation, time per epoch, memory of workers.

    python -m benchmarks.tables 10000 100000 1000000

Each table has 50 columns: 38 of numbers, 4 of whole numbers, 5 of categories (5 to 45 of them), 2 of dates, and the
target. Each preparation is a process of its own, so that its peak is its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

FORMS = ("csv", "parquet")
ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf/data/table.yaml"


def make(folder: Path, rows: int) -> None:
    """Write a table of 50 columns in both forms."""
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {f"number_{place}": draw.normal(size=rows).round(4) for place in range(38)}
    columns |= {f"whole_{place}": draw.integers(0, 50, rows) for place in range(4)}
    words = {place: np.array([f"value_{number}" for number in range(5 + 10 * place)]) for place in range(5)}
    columns |= {f"category_{place}": draw.choice(own, rows) for place, own in words.items()}
    start = np.datetime64("2000-01-01")
    columns |= {f"date_{place}": start + draw.integers(0, 9000, rows).astype("timedelta64[D]") for place in range(2)}
    columns["target"] = 2 * columns["number_0"] + columns["number_1"] + draw.normal(size=rows)
    table = pd.DataFrame(columns)
    table.to_csv(folder / f"{rows}.csv", index=False, date_format="%Y-%m-%d")
    table.to_parquet(folder / f"{rows}.parquet", index=False)


def prepare(path: str) -> None:
    """Prepare a table, as the first command on it does, and print its facts."""
    from eksplora.data.table import Table
    from eksplora.table import TableOptions, examine

    started = time.monotonic()
    values = yaml.safe_load(CONF.read_text())
    del values["_target_"]
    root = str(Path(path).with_suffix("")) + "-data"
    card = examine(TableOptions(path=path, target="target"), root=Path(root))
    own = {"root": root, "path": path, "target": "target", "num_targets": 1, "input_shape": list(card.input_shape)}
    Table(**values | own).prepare()
    seconds, peak = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": round(seconds, 1), "GiB": round(peak, 2), "columns": card.input_shape[0]}))


def train(path: Path, workers: int) -> tuple[float, float, float]:
    """Train one network a worker for two epochs, one thread each.

    Returns:
        Seconds per epoch, the median over workers; most memory of all processes together at any time, GiB, shared pages
        once; most memory of a process that it shares with none, GiB.
    """
    words = [f"data=./{path.name}", "data.target=target", "trainer.max_epochs=2", "tracker=off", "study.threads=1"]
    words += [f"study.workers={workers}", f"study.n_trials={workers}", "training.population=1", "sampler=random"]
    command = [sys.executable, str(ROOT / "pipelines/search.py"), *words, f"experiment=workers_{workers}"]
    with subprocess.Popen(command, cwd=path.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        most = np.zeros(2)
        while process.poll() is None:
            held = [memory(one) for one in (process.pid, *descendants(process.pid))]
            most = np.maximum(most, (sum(one["Pss"] for one in held), max(one["Pss_Anon"] for one in held)))
            time.sleep(0.2)
        if process.returncode:
            raise RuntimeError(process.stderr.read().decode()[-2000:] if process.stderr else "")
    trials = pd.read_csv(path.parent / f"results/workers_{workers}/search/trials.csv")
    together, alone = most / 2**20
    return float((trials["seconds"] / trials["epochs"]).median()), float(together), float(alone)


def descendants(process: int) -> Iterator[int]:
    """Numbers of the processes that a process has begun, and they."""
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, thread.read_text(encoding="ascii").split()):
                yield child
                yield from descendants(child)


def memory(process: int) -> dict[str, int]:
    """Memory of a process in KiB: `Pss`, where what n processes share counts 1/n for each, and its part of no file."""
    found = {"Pss": 0, "Pss_Anon": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0])
    return found


def main(arguments: Sequence[str]) -> None:
    """Make, prepare, train and print, size by size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument(
        "--workers", nargs="*", type=int, default=[1, 2, 4], help="numbers of workers; none: no training"
    )
    settings = parser.parse_args(arguments)
    prepared = ["| rows | form | MiB | seconds | peak GiB | prepared columns |", "|--:|---|--:|--:|--:|--:|"]
    trained = ["| rows | workers | seconds per epoch | GiB together | GiB alone |", "|--:|--:|--:|--:|--:|"]
    for rows in settings.rows:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), rows)
            for form in FORMS:
                path = Path(folder) / f"{rows}.{form}"
                command = [sys.executable, "-m", "benchmarks.tables", "--one", str(path)]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
                found, size = json.loads(done.stdout), path.stat().st_size / 2**20
                facts = f"{size:.0f} | {found['seconds']} | {found['GiB']} | {found['columns']}"
                prepared.append(f"| {rows} | {form} | {facts} |")
                print(prepared[-1], file=sys.stderr, flush=True)
            for workers in settings.workers:
                seconds, together, alone = train(Path(folder) / f"{rows}.parquet", workers)
                trained.append(f"| {rows} | {workers} | {seconds:.2f} | {together:.2f} | {alone:.2f} |")
                print(trained[-1], file=sys.stderr, flush=True)
    print("\n".join([f"load at the end: {os.getloadavg()[0]:.1f}", "", *prepared, "", *trained]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        prepare(sys.argv[2])
    else:
        main(sys.argv[1:])
