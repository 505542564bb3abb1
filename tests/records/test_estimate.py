"""One shape of a mean with its interval, and the three in which earlier versions wrote it."""

import json
from typing import Any

import pytest

from eksplora.errors import DataError
from eksplora.records.estimate import Compared, Estimate
from eksplora.records.record import from_json, to_json

KNOWN = Estimate(mean=2.0, low=1.5, high=2.5, std=1.0, n=3)


def read(found: Any, kind: Any = Estimate) -> Any:
    return from_json(json.dumps(found), kind, source="it", way_out="Again.")


@pytest.mark.parametrize(
    "earlier",
    [
        {"mean": 2.0, "std": 1.0, "low": 1.5, "high": 2.5, "members": [1.0, None, 2.0, 3.0]},
        {"mean": 2.0, "std": 1.0, "interval": [1.5, 2.5], "n": 3},
        {"mean": 2.0, "std": 1.0, "interval": {"low": 1.5, "high": 2.5, "level": 0.95}, "n": 3},
        {"mean": 2.0, "std": 1.0, "low": 1.5, "high": 2.5, "n": 3, "scope": None, "of a newer version": [1]},
    ],
)
def test_every_shape_of_earlier_versions_is_read(earlier: dict[str, Any]) -> None:
    assert read(earlier) == KNOWN


def test_what_is_written_is_read_back() -> None:
    assert from_json(to_json(KNOWN), Estimate, source="it", way_out="") == KNOWN


def test_one_value_has_no_interval() -> None:
    assert read({"mean": 2.0, "std": None, "interval": None, "n": 1}) == Estimate(mean=2.0, n=1)


@pytest.mark.parametrize(
    "wrong", [{"interval": 3}, {"interval": [1.0]}, {"low": "1"}, {"members": 3, "n": "3"}, {"n": 0.5}]
)
def test_another_shape_is_an_error_that_names_the_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"^it cannot be read \((low|n): .*\)\. Again\.$"):
        read({"mean": 2.0} | wrong)


def test_a_comparison_of_an_earlier_version_is_read() -> None:
    earlier = {
        **{"name": "trial-1", "against": "baseline", "verdict": "better", "in_words": "it is better"},
        **{"difference": -2.0, "interval": {"low": -3.0, "high": -1.0, "level": 0.95}, "num_pairs": 8, "p": 0.01},
    }
    assert read(earlier, Compared) == Compared(
        name="trial-1",
        reference="baseline",
        verdict="better",
        in_words="it is better",
        difference=Estimate(mean=-2.0, low=-3.0, high=-1.0, n=8),
        p=0.01,
    )
    assert read({**earlier, "interval": None}, Compared).difference == Estimate(mean=-2.0, n=8)
