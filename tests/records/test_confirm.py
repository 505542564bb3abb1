"""What a confirmation hands on, also as earlier versions wrote it."""

import json
from typing import Any

import pytest

from eksplora.errors import DataError
from eksplora.records.confirm import Configuration, ConfirmRecord
from eksplora.records.estimate import Compared, Estimate
from eksplora.records.record import from_json, to_json

EARLIER: dict[str, Any] = {
    **{"studies": {"confirm": "a", "final": "b"}, "provenance": {}, "experiment": "wine_mlp", "headline": "It is."},
    **{"metric": "val/mae", "direction": "minimize", "chosen": "trial-1", "final": {"key": "k", "weights_sha256": []}},
    "configurations": [
        {
            **{"name": "trial-1", "status": "finished", "key": "k", "values": {"optimizer.lr": 0.1}},
            **{"members": [1.0, 3.0], "mean": 2.0, "std": 1.5, "interval": [1.0, 3.0], "best_epochs": [1, 2]},
            **{"found_by_search": 1.5, "too_good_by": 0.5},
            "versus_baseline": {"difference": -1.0, "interval": None, "num_pairs": 2, "in_words": "it is better"},
        },
        {"name": "baseline", "status": "diverged", "key": "l", "values": {}, "members": [], "message": "nan"},
    ],
}


def read(text: str) -> ConfirmRecord:
    return from_json(text, ConfirmRecord, source="it", way_out="Again.")


def test_a_confirmation_of_an_earlier_version_is_read() -> None:
    found = read(json.dumps(EARLIER))
    assert found.best == Configuration(
        name="trial-1",
        status="finished",
        key="k",
        values={"optimizer.lr": 0.1},
        members=[1.0, 3.0],
        estimate=Estimate(mean=2.0, low=1.0, high=3.0, std=1.5, n=2),
        best_epochs=[1, 2],
        found_by_search=1.5,
        optimism=Estimate(mean=0.5),
        versus_baseline=Compared(in_words="it is better", difference=Estimate(mean=-1.0, n=2)),
    )
    assert found.configurations[1].known == Estimate(mean=None) and found.configurations[1].message == "nan"
    assert read(to_json(found)) == found


def test_a_configuration_without_a_key_is_refused_by_name() -> None:
    lacking = [{"name": "trial-1", "values": {}}]
    with pytest.raises(DataError, match=r"^it cannot be read \(configurations\.0\.key: Field required\)\. Again\.$"):
        read(json.dumps(EARLIER | {"configurations": lacking}))
