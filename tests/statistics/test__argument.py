import numpy as np
import pytest

from eksplora.statistics._argument import check_count, check_fraction, finite


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^differences must be finite, got {value}\. Leave diverged members out\.$"):
        finite([1.0, value], "differences")


@pytest.mark.parametrize("values", [[], 1.0, [[1.0, 2.0]]])
def test_what_is_no_sample_is_refused_by_name(values: object) -> None:
    with pytest.raises(ValueError, match=r"^values must be a list of one number or more, got shape \("):
        finite(values, "values")


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan])
def test_a_fraction_outside_the_open_interval_is_refused_by_name(fraction: float) -> None:
    with pytest.raises(ValueError, match=rf"^alpha must be a number above 0 and below 1, got {fraction}\. "):
        check_fraction(fraction, "alpha")


@pytest.mark.parametrize("count", [1, -2, 2.5, np.nan])
def test_a_count_that_is_too_small_or_not_whole_is_refused_by_name(count: float) -> None:
    with pytest.raises(ValueError, match=rf"^num_pairs must be a whole number of at least 2, got {count}\. "):
        check_count(count, "num_pairs", least=2)  # type: ignore[arg-type]
