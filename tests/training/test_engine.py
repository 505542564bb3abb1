from functools import partial
from pathlib import Path
from typing import Any

import pytest
import small
import torch
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model.mlp import MLP
from eksplora.training import engine
from eksplora.training.engine import Engine, choose, member_bytes
from eksplora.training.member import MemberState

CPU = torch.device("cpu")


def members(count: int = 4, base: Any = small.regression, **changes: Any) -> list[MemberState]:
    return [seat.state(Path("nowhere")) for seat in small.seats([base(**changes)] * count)]


@pytest.fixture
def gibibyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "free_bytes", lambda device: 2**30)


def drawing() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 4), nn.RReLU(), nn.Linear(4, 1))


@pytest.mark.parametrize(
    ("base", "changes", "reason"),
    [
        (small.regression, {"engine": "single"}, "training.engine=single"),
        (
            small.regression,
            {"network": drawing},
            "torch cannot map RReLU over members: vmap: we do not yet support aten::rrelu",
        ),
        (
            small.regression,
            {"optimizer": partial(torch.optim.Rprop)},
            "Rprop is not known to step each weight by itself",
        ),
        (small.classification, {"batch_size": 64}, "convolutions of 11520 outputs a step are faster one member"),
    ],
    ids=["single", "layers", "optimizer", "convolutions"],
)
def test_members_are_trained_one_by_one_where_they_must_or_should(
    base: Any, changes: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MOST_CONVOLVED", 11519)  # 64 rows of 5 filters of 6 x 6 pixels are one more
    chosen = choose(members(base=base, **changes), CPU)
    assert chosen.size == 1
    assert chosen.reason.startswith(reason)


@pytest.mark.parametrize(
    "changes", [{"network": drawing}, {"optimizer": torch.optim.Rprop}], ids=["layers", "optimizer"]
)
def test_fused_where_it_cannot_be_is_refused_for_several_members(changes: Any) -> None:
    with pytest.raises(ConfigError, match=r"^training\.engine=fused: .* Choose training\.engine=auto\.$"):
        choose(members(engine="fused", **changes), CPU)
    assert choose(members(1, engine="fused", **changes), CPU).size == 1


@pytest.mark.usefixtures("gibibyte")
def test_fused_asks_for_convolutions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_CONVOLVED", 0)
    assert choose(members(base=small.classification), CPU).size == 1
    assert choose(members(base=small.classification, engine="fused"), CPU).size > 1


@pytest.mark.usefixtures("gibibyte")
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_given_size_is_taken(size: int) -> None:
    assert choose(members(population=size), CPU) == Engine(size, f"training.population holds {size} members")


def tiny() -> nn.Module:
    return MLP(input_shape=[5], num_outputs=1, widths=[7], activation="tanh", output_activation="identity", dropout=0.0)


TINY_BYTES = 4 * (6 * (5 * 7 + 7 + 7 + 1) + 2 * (7 + 7 + 1 + 1) * 16)
"""50 weights held six times; what linear, tanh, linear and identity put out for 16 rows held twice."""


def test_memory_of_a_member_is_counted_by_hand() -> None:
    (member,) = members(1, network=tiny)
    assert member_bytes(member, member.network()) == TINY_BYTES


@pytest.mark.parametrize(("free", "workers", "size"), [(20, 1, 10), (40, 1, 20), (40, 2, 10), (1, 1, 1)])
def test_as_many_members_as_half_of_the_free_memory_holds(
    free: int, workers: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "free_bytes", lambda device: free * TINY_BYTES)
    chosen = choose(members(network=tiny, population=1000), CPU, workers)
    assert chosen.size == size
    assert chosen.reason.startswith("memory holds")


def test_by_itself_a_population_on_a_cpu_fits_the_cache_but_has_eight_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "free_bytes", lambda device: 2**40)
    assert choose(members(), CPU).size == engine.CACHE_BYTES // (4 * 4 * 184)  # weight, gradient, two of the optimizer
    wide = partial(
        MLP, input_shape=[5], num_outputs=1, widths=[2000, 2000], activation="relu", output_activation="identity"
    )
    assert choose(members(network=partial(wide, dropout=0.0)), CPU) == Engine(
        8, "the processor's cache holds 8 members"
    )


def test_free_memory_is_what_the_system_says() -> None:
    pages = {line.split(":")[0]: line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines()}
    assert 0 < engine.free_bytes(CPU) <= int(pages["MemTotal"]) * 1024
