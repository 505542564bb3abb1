"""Preparation of a user's own table: time and peak memory by rows, from CSV and from Parquet.

    python benchmarks/tables.py 10000 100000 1000000

Each table has 50 columns: 38 of numbers, 4 of whole numbers, 5 of categories (5 to 45 of them), 2 of dates, and the
target. Each preparation is a process of its own, so that its peak is its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

FORMS = ("csv", "parquet")
CONF = Path(__file__).parents[1] / "conf/data/table.yaml"


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
    from eksplora.table import Options, examine

    started = time.monotonic()
    values = yaml.safe_load(CONF.read_text())
    del values["_target_"]
    root = str(Path(path).with_suffix("")) + "-data"
    card = examine(Options(path=path, target="target"), root=Path(root))
    own = {"root": root, "path": path, "target": "target", "num_targets": 1, "input_shape": list(card.input_shape)}
    Table(**values | own).prepare()
    seconds, peak = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": round(seconds, 1), "GiB": round(peak, 2), "columns": card.input_shape[0]}))


def main(sizes: list[str]) -> None:
    """Make, prepare and print, size by size."""
    print("| rows | form | MiB | seconds | peak GiB | prepared columns |\n|---|---|---|---|---|---|")
    for rows in map(int, sizes or ["10000", "100000"]):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), rows)
            for form in FORMS:
                path = Path(folder) / f"{rows}.{form}"
                command = [sys.executable, __file__, "--one", str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found, size = json.loads(done.stdout), path.stat().st_size / 2**20
                print(f"| {rows} | {form} | {size:.0f} | {found['seconds']} | {found['GiB']} | {found['columns']} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        prepare(sys.argv[2])
    else:
        main(sys.argv[1:])
