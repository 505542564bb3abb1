"""Data sets that have more than ours: groups of rows go through the stages."""

from pathlib import Path

import confirming as here
import made_data
import numpy as np
import pytest
import surviving

from eksplora.config import Configurator, part
from eksplora.records.validation import read_validation

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

REGRESSION = {"task": "regression", "loss": "mse", "objective": "mae"}
QUICK = ("experiment=made", "paths.data=data", "tracker=off", *here.QUICK)


def test_rows_of_a_group_stay_together_through_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(30), 4)
    features = rng.normal(size=(120, 3)) + rng.normal(size=(30, 3))[groups]
    arrays = {"features": features, "targets": features.sum(1, keepdims=True), "groups": groups}
    made_data.make(tmp_path, arrays, parts=REGRESSION)
    surviving.warm_up()
    with made_data.inside(tmp_path, monkeypatch):
        here.pretend_search(tmp_path, QUICK, {"optimizer.lr": 0.01})
        here.run(tmp_path, "confirm", *QUICK, "study.n_seeds=3", "confirm.best=1")
        here.run(tmp_path, "evaluate", *QUICK)
        dataset = part(Configurator("train", [*QUICK[:2]])({}), "data")
        known, test = dataset.beside("train", "groups"), dataset.beside("test", "groups")
        (kept, *_) = (tmp_path / "mlruns/studies").glob("made-confirm*/**/validation.safetensors")
        found = read_validation(kept.parent)
    assert found is not None and found.groups is not None
    np.testing.assert_array_equal(found.groups, known[found.rows])
    np.testing.assert_array_equal(found.rows, np.flatnonzero(np.isin(known, found.groups)))
    assert "paired t over groups of rows" in next(tmp_path.glob("results/*/confirm/confirm.json")).read_text()
    details = next(tmp_path.glob("results/*/evaluate/details.json")).read_text()
    assert f"The rows are of {len(set(test))} groups" in details
