import pytest

from eksplora.report.number import interval, number, setting, settings, share

GAP = "\u202f"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.5000"),
        (9.99996, "10.00"),
        (999.96, "1,000"),
        (123456.0, "123,500"),
        (123456, "123,456"),
        (-0.00012346, "-0.0001235"),
        (0.0, "0"),
        (1e-7, "1.000 \u00d7 10\u207b\u2077"),
        (2.5e9, "2.500 \u00d7 10\u2079"),
        (float("nan"), "—"),
        (float("inf"), "—"),
        (None, "—"),
    ],
)
def test_a_number_has_four_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown.replace(",", GAP)


def test_what_is_not_defined_is_a_dash() -> None:
    assert interval(None, 1.0) == interval(0.0, float("nan")) == share(None) == share(float("inf")) == "—"


def test_what_was_typed_has_no_zeros_that_nobody_typed() -> None:
    assert setting(0.1) == "0.1" and setting([0.5, True, "a"]) == "[0.5, true, a]"
    assert settings({}) == ""
