"""Ranges of single values: what they have, what they refuse, and the one form of the message."""

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np
import pytest

from eksplora.errors import ConfigError
from eksplora.ranges import (
    Range,
    check_choice,
    check_count,
    check_fields,
    check_flag,
    check_fraction,
    check_number,
    check_seed,
    refusal,
    shown,
    within,
)

OPEN = Range(above=0, below=1, usual=0.2)
CLOSED = Range(least=0, most=180, usual=15.0)
HALF_OPEN = Range(least=0, below=1, usual=0.0)
COUNT = Range(least=1, is_whole=True, also="null", usual=10)
ROWS = Range(least=1, is_whole=True, also="full", usual=32)

CASES = {
    "between two open ends": (OPEN, [0.001, 0.999], [0, 1], "a number above 0 and below 1"),
    "two closed ends": (CLOSED, [0, 180, 7.5], [-1e-9, 180.5], "a number of at least 0 and at most 180"),
    "one of each": (HALF_OPEN, [0, 0.999], [-1e-9, 1], "a number of at least 0 and below 1"),
    "without an end": (Range(usual=0), [-1e30, 0, 2], [], "a number"),
    "whole numbers or null": (COUNT, [1, 10**9, None], [0, 1.0, 1.5, "full"], "a whole number of at least 1 or null"),
    "whole numbers or a word": (ROWS, [1, "full"], [0, None, "ful"], "a whole number of at least 1 or full"),
}


@pytest.mark.parametrize(("range_", "inside", "outside", "words"), CASES.values(), ids=CASES)
def test_a_range_has_its_numbers_and_refuses_all_else_in_one_form(
    range_: Range, inside: list[object], outside: list[object], words: str
) -> None:
    assert all(value in range_ for value in inside)
    for value in [*outside, nan, inf, -inf, True, "1", [1]]:
        with pytest.raises(ConfigError) as refused:
            range_.check(value, "group.key")
        assert str(refused.value) == f"group.key must be {words}, got {shown(value)}. Try group.key={range_.usual}."


def test_numbers_of_numpy_are_numbers() -> None:
    assert np.float32(0.5) in OPEN
    assert np.int64(3) in COUNT
    assert np.bool_(True) not in COUNT


def test_a_range_raises_the_kind_of_error_that_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"^alpha must be a number above 0 and below 1, got 5\. ") as refused:
        OPEN.check(5, "alpha", error=ValueError)
    assert not isinstance(refused.value, ConfigError)


def test_checked_values_are_given_back() -> None:
    assert check_number(2, "key", above=0, usual=1.0) == 2.0
    assert check_count(3, "key") == 3
    assert check_seed(-3, "key") == -3
    assert check_fraction(0.25, "key", usual=0.2) == 0.25
    assert check_flag(True, "key") is True
    assert check_choice("a", "key", ["a", "b"]) == "a"


def test_refused_values_are_named() -> None:
    with pytest.raises(ConfigError, match=r"^key must be a number above 0, got 0\. Try key=1\.0\.$"):
        check_number(0, "key", above=0, usual=1.0)
    with pytest.raises(ConfigError, match=r"^key must be a whole number of at least 2, got 1\. Try key=5\.$"):
        check_count(1, "key", least=2, usual=5)
    with pytest.raises(ConfigError, match=r"^key must be a whole number, got 1\.5\. Try key=0\.$"):
        check_seed(1.5, "key")
    with pytest.raises(ConfigError, match=r"^key must be a number above 0 and below 1, got 1\. Try key=0\.2\.$"):
        check_fraction(1, "key", usual=0.2)
    with pytest.raises(ConfigError, match=r"^key must be true or false, got 'yes'\. Try key=false\.$"):
        check_flag("yes", "key")
    with pytest.raises(ConfigError, match=r"^key=null is unknown\. Valid: max, mean\.$"):
        check_choice(None, "key", ["max", "mean"])
    with pytest.raises(ConfigError, match=r"^key=\['max'\] is unknown\. Did you mean 'max'\?$"):
        check_choice(["max"], "key", {"max": 1, "mean": 2})


def test_an_entry_of_a_list_is_not_set_by_its_own_key() -> None:
    assert refusal("model.widths[1]", "a number", "x", 64) == "model.widths[1] must be a number, got 'x'. Try 64 there."


@dataclass(frozen=True)
class Settings:
    rate: float = field(metadata=within(above=0, usual=0.1))
    name: str
    count: int | None = field(default=None, metadata=within(least=1, is_whole=True, also="null", usual=8))


def test_fields_are_checked_by_their_ranges_under_their_group() -> None:
    check_fields(Settings(0.5, ""), "group")
    with pytest.raises(ConfigError, match=r"^group\.rate must be a number above 0, got 0\. Try group\.rate=0\.1\.$"):
        check_fields(Settings(0, ""), "group")
    with pytest.raises(ConfigError, match=r"^group\.count must be a whole number of at least 1 or null, got 0\. "):
        check_fields(Settings(0.5, "", 0), "group")


@dataclass(frozen=True)
class Root:
    port: int = field(metadata=within(least=1, is_whole=True, usual=5000))
    inner: Settings


def test_fields_of_fields_are_checked_under_their_whole_path() -> None:
    check_fields(Root(1, Settings(0.5, "")))
    with pytest.raises(ConfigError, match=r"^inner\.rate must be a number above 0, got 0\."):
        check_fields(Root(1, Settings(0, "")))
    with pytest.raises(ConfigError, match=r"^port must be a whole number of at least 1, got 0\."):
        check_fields(Root(0, Settings(0.5, "")))
