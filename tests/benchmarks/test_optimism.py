"""A simulated search goes the product's own way, and its truth is that of fresh rows."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import optimism
from benchmarks.calibration.simulated import FEATURES, FRESH, Simulated


def test_a_data_set_has_few_rows_to_learn_from_and_many_fresh_ones(tmp_path: Path) -> None:
    made = [
        Simulated(
            number=number,
            learned=40,
            root=str(tmp_path / str(number)),
            batch_size=8,
            scaling="standard",
            input_shape=[FEATURES],
            num_classes=None,
            num_targets=1,
            stratified=False,
        )
        for number in (0, 1)
    ]
    assert [data.prepare()["rows"] for data in made] == [{"train": 40, "test": FRESH}] * 2
    first, second = (np.array(data.open("train")[1]) for data in made)
    assert not np.isclose(first, second).any()


@pytest.mark.slow
def test_it_counts_how_often_the_interval_holds_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    optimism.measure(["--searches", "3", "--trials", "3", "--members", "3", "--epochs", "3"])
    said = capsys.readouterr()
    known = [line for line in said.err.splitlines() if "Found(" in line]
    assert f"{len(known)} of 3 searches" in said.out
