"""Schedules against their formulas and against torch's schedulers stepped beside a real optimizer."""

import warnings
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from itertools import pairwise, product
from math import exp, inf, log, nan
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CyclicLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from eksplora import scheduler
from eksplora.errors import ConfigError
from eksplora.ranges import Range
from eksplora.scheduler import (
    Schedule,
    constant,
    cosine,
    cyclic,
    exponential,
    one_cycle,
    plateau,
    step,
    warm_up,
)

CONF = Path(__file__).parents[1] / "conf" / "scheduler"
NAMES = sorted(file.stem for file in CONF.glob("*.yaml"))


def settings(name: str) -> dict[str, float]:
    return {key: value for key, value in yaml.safe_load((CONF / f"{name}.yaml").read_text()).items() if key[0] != "_"}


def build(name: str, **changes: object) -> Schedule:
    """The schedule as its file sets it, but for the changes."""
    built: Schedule = getattr(scheduler, name)(**settings(name) | changes)
    return built


def factors(schedule: Schedule, total: int, history: tuple[float, ...] = ()) -> list[float]:
    return [schedule(place, total, history) for place in range(total)]


def optimizer(rate: float = 1.0) -> Optimizer:
    return SGD([torch.zeros(1, requires_grad=True)], lr=rate)


def torch_factors(make: Callable[[Optimizer], LRScheduler], total: int) -> list[float]:
    """The rates of torch's scheduler, of a base rate of 1, at each step."""
    stepped = optimizer()
    reference, found = make(stepped), list[float]()
    for _ in range(total):
        found.append(stepped.param_groups[0]["lr"])
        stepped.step()
        with warnings.catch_warnings():  # torch's cyclic schedulers complain of a step after the last one
            warnings.simplefilter("ignore")
            if len(found) < total:
                reference.step()
    return found


def assert_close(ours: list[float], theirs: list[float]) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_constant_never_changes_the_rate() -> None:
    assert {constant()(place, 10**9 + 1, ()) for place in (0, 1, 10**9)} == {1.0}


@pytest.mark.parametrize(("rate", "steps"), [(0.9, 10_000), (0.9, 1_000), (0.9, 100), (0.8, 1_000)])
def test_exponential_is_smooth_as_in_the_reference_study(rate: float, steps: int) -> None:
    factor = exponential(decay_rate=rate, decay_steps=steps)
    for place in (0, 1, 50, steps, 18_750):  # 18 750: ten epochs of 60 000 rows in batches of 32
        assert factor(place, 18_751, ()) == pytest.approx(exp(log(rate) * place / steps), rel=1e-12)


def test_exponential_starts_at_one_and_its_ratio_per_step_is_constant() -> None:
    found = factors(exponential(decay_rate=0.5, decay_steps=10), 50)
    assert found[0] == 1.0
    assert {round(after / before, 12) for before, after in pairwise(found)} == {round(0.5**0.1, 12)}


@pytest.mark.parametrize(("rate", "steps"), [(0.1, 30), (0.5, 7), (0.9, 1)])
def test_step_is_that_of_torch(rate: float, steps: int) -> None:
    theirs = torch_factors(lambda stepped: StepLR(stepped, step_size=steps, gamma=rate), 100)
    assert_close(factors(step(decay_rate=rate, decay_steps=steps), 100), theirs)


def test_step_and_exponential_meet_at_the_stairs() -> None:
    stairs, smooth = step(decay_rate=0.3, decay_steps=8), exponential(decay_rate=0.3, decay_steps=8)
    found = [(stairs(place, 80, ()), smooth(place, 80, ())) for place in range(80)]
    assert [place for place, (high, low) in enumerate(found) if high == low] == list(range(0, 80, 8))
    assert all(high >= low for high, low in found)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_is_that_of_torch(final: float) -> None:
    theirs = torch_factors(lambda stepped: CosineAnnealingLR(stepped, T_max=90, eta_min=final), 90)
    assert_close(factors(cosine(final_factor=final, warmup_fraction=0.0), 90), theirs)


def test_cosine_would_end_one_step_after_the_last() -> None:
    factor = cosine(final_factor=0.25, warmup_fraction=0.5)
    assert factor(90, 90, ()) == 0.25
    assert 0.25 < factor(89, 90, ()) < 0.26


@pytest.mark.parametrize(("share", "rise"), [(0.1, 10), (0.33, 33), (0.004, 0), (0.006, 1), (1.0, 100)])
def test_cosine_rises_in_a_line_and_then_is_the_cosine_of_the_steps_left(share: float, rise: int) -> None:
    found = factors(cosine(final_factor=0.05, warmup_fraction=share), 100)
    assert_close(found[:rise], factors(warm_up(warmup_steps=max(rise, 1)), 100)[:rise])
    assert_close(found[rise:], factors(cosine(final_factor=0.05, warmup_fraction=0.0), 100 - rise))


@pytest.mark.parametrize("total", [4, 10, 99, 1000])
@pytest.mark.parametrize(("share", "initial", "final"), [(0.3, 25, 1e4), (0.5, 10, 100), (1.0, 4, 3), (0.25, 1, 1)])
def test_one_cycle_is_that_of_torch(total: int, share: float, initial: float, final: float) -> None:
    if share * total == 1:
        total += 1  # torch divides by zero where the peak is the first step
    theirs = torch_factors(
        lambda stepped: OneCycleLR(
            stepped,
            max_lr=1.0,
            total_steps=total,
            pct_start=share,
            anneal_strategy="cos",
            cycle_momentum=False,
            div_factor=initial,
            final_div_factor=final,
        ),
        total,
    )
    ours = factors(one_cycle(warmup_fraction=share, initial_divisor=initial, final_divisor=final), total)
    assert_close(ours, theirs)


@pytest.mark.parametrize(("total", "peak"), [(1, 0), (2, 0), (3, 0), (10, 2), (100, 29)])
def test_one_cycle_peaks_at_the_base_rate_and_ends_at_its_end(total: int, peak: int) -> None:
    found = factors(one_cycle(warmup_fraction=0.3, initial_divisor=25, final_divisor=1e4), total)
    assert found.index(max(found)) == peak
    assert found[peak] == 1.0
    assert found[0] == pytest.approx(1 / 25 if peak else 1.0)
    assert found[-1] == pytest.approx(1 / (25 * 1e4) if total > 1 else 1.0)


@pytest.mark.parametrize(("mode", "decay"), [("triangular", 1.0), ("triangular2", 0.5)])
@pytest.mark.parametrize(("half", "low"), [(10, 0.25), (3, 0.0), (1, 0.9)])
def test_cyclic_is_that_of_torch(mode: str, decay: float, half: int, low: float) -> None:
    theirs = torch_factors(
        lambda stepped: CyclicLR(stepped, base_lr=low, max_lr=1.0, step_size_up=half, mode=mode, cycle_momentum=False),
        100,
    )
    assert_close(factors(cyclic(half_cycle_steps=half, low_factor=low, decay=decay), 100), theirs)


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_warm_up_is_that_of_torch(steps: int) -> None:
    theirs = torch_factors(lambda stepped: LinearLR(stepped, start_factor=1 / steps, total_iters=steps - 1), 60)
    assert_close(factors(warm_up(warmup_steps=steps), 60), theirs)


def histories() -> list[tuple[float, ...]]:
    """Falls, plateaus, ties and rises of many kinds, each of 60 epochs."""
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, scale, 60) + np.exp(-np.arange(60) / fall) for scale, fall in product((0.01, 0.3), (5, 50))]
    coarse = [np.round(values, 1) for values in noise]
    walks = [np.cumsum(rng.normal(0, 0.1, 60)) for _ in range(4)]
    return [tuple(values.tolist()) for values in (*noise, *coarse, *walks)]


@pytest.mark.parametrize("patience", [0, 1, 4])
@pytest.mark.parametrize("cooldown", [0, 1, 5])
@pytest.mark.parametrize(("min_delta", "min_factor"), [(0.0, 0.0), (0.05, 0.0), (0.1, 0.02)])
def test_plateau_is_that_of_torch_epoch_by_epoch(
    patience: int, cooldown: int, min_delta: float, min_factor: float
) -> None:
    ours = plateau(factor=0.3, patience=patience, min_delta=min_delta, cooldown=cooldown, min_factor=min_factor)
    reduced = 0
    for history in histories():
        stepped = optimizer()
        reference = ReduceLROnPlateau(
            stepped,
            factor=0.3,
            patience=patience,
            threshold=min_delta,
            threshold_mode="abs",
            cooldown=cooldown,
            min_lr=min_factor,
            eps=0.0,
        )
        theirs = []
        for value in history:
            theirs.append(stepped.param_groups[0]["lr"])
            reference.step(value)
        assert_close([ours(7, 60, history[:epoch]) for epoch in range(60)], theirs)
        reduced += theirs[-1] < 1
    assert reduced >= 6  # the histories do reach reductions


def test_plateau_counts_an_epoch_that_is_no_number_as_one_without_improvement() -> None:
    factor = plateau(factor=0.5, patience=1, min_delta=0.0, cooldown=0, min_factor=0.0)
    assert [factor(0, 9, history) for history in ([1.0, nan], [1.0, nan, nan], [nan, 1.0, 0.5], [inf, inf])] == [
        1.0,
        0.5,
        1.0,
        0.5,
    ]


def test_plateau_is_a_function_of_the_history_alone() -> None:
    factor, other = build("plateau", patience=0), build("plateau", patience=0, factor=0.5)
    long = [1.0, 1.0, 1.0]
    assert factor(0, 9, long) == pytest.approx(0.01)
    assert other(0, 9, long) == 0.25
    long.append(0.5)  # the caller's own list, which grows
    assert factor(0, 9, long) == pytest.approx(0.01)
    assert factor(0, 9, long[:1]) == 1.0
    assert {factor(place, 9, (1.0, 1.0)) for place in range(9)} == {0.1}


@pytest.mark.parametrize("name", NAMES)
def test_factors_are_above_zero_and_at_most_one(name: str) -> None:
    for total in (1, 2, 3, 10, 5000):
        for history in ((), (1.0,) * 30):
            assert all(0 < factor <= 1 for factor in factors(build(name), total, history))


@pytest.mark.parametrize("name", NAMES)
def test_only_plateau_reads_the_history(name: str) -> None:
    schedule = build(name)
    differs = factors(schedule, 20) != factors(schedule, 20, (1.0,) * 30)
    assert schedule.reads_history == differs == (name == "plateau")


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_is_its_values(name: str) -> None:
    assert build(name) == build(name)
    assert hash(build(name)) == hash(build(name))
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        build(name).decay_rate = 0.5  # type: ignore[attr-defined]
    for key, value in settings(name).items():
        assert build(name) != build(name, **{key: 0.5 if value in (0.1, 1) else 1})


def test_schedules_of_equal_values_but_another_kind_differ() -> None:
    assert step(decay_rate=0.5, decay_steps=10) != exponential(decay_rate=0.5, decay_steps=10)


KEYS = [(name, key) for name in NAMES for key in settings(name)]


def range_of(name: str, key: str) -> Range:
    wanted: Range = getattr(scheduler, name).__dataclass_fields__[key].metadata["range"]
    return wanted


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_value_out_of_range_names_its_key(name: str, key: str) -> None:
    wanted = range_of(name, key)
    outside = [wanted.least - 1e-9, wanted.above, wanted.most + 0.1, wanted.below]
    for value in (*outside, *([1.0] if wanted.is_whole else []), nan, inf, -inf, "100", None, True, [0.5]):
        with pytest.raises(ConfigError, match=rf"^scheduler\.{key} must be {wanted}, got .* Try scheduler\.{key}="):
            build(name, **{key: value})


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_the_value_that_an_error_proposes_is_one_that_works(name: str, key: str) -> None:
    usual = range_of(name, key).usual
    assert getattr(build(name, **{key: usual}), key) == usual
