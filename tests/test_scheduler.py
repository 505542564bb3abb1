from math import exp, log

import pytest

from eksplora.errors import ConfigError
from eksplora.scheduler import constant, exponential


def test_constant_never_changes_the_rate() -> None:
    assert {constant()(step) for step in (0, 1, 10**9)} == {1.0}


@pytest.mark.parametrize(("rate", "steps"), [(0.9, 10_000), (0.9, 1_000), (0.9, 100), (0.8, 1_000)])
def test_exponential_is_smooth_as_in_the_reference_study(rate: float, steps: int) -> None:
    factor = exponential(decay_rate=rate, decay_steps=steps)
    for step in (0, 1, 50, steps, 18_750):  # 18 750: ten epochs of 60 000 rows in batches of 32
        assert factor(step) == pytest.approx(exp(log(rate) * step / steps), rel=1e-12)


def test_exponential_starts_at_one_and_its_ratio_per_step_is_constant() -> None:
    factor = exponential(decay_rate=0.5, decay_steps=10)
    assert factor(0) == 1.0
    assert {round(factor(step + 1) / factor(step), 12) for step in range(50)} == {round(0.5**0.1, 12)}


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "100", None, True])
@pytest.mark.parametrize("key", ["decay_rate", "decay_steps"])
def test_value_out_of_range_names_its_key(key: str, value: float) -> None:
    values = {"decay_rate": 0.9, "decay_steps": 1000.0, key: value}
    with pytest.raises(ConfigError, match=rf"^scheduler\.{key} must be a number above 0, got .* usual {key} is "):
        exponential(**values)
