"""Grouping of members that train together: by rule, from their networks, their optimizers and the device."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model.members import unaware
from eksplora.model.offered import first_tensor
from eksplora.training.mapped import ROWS, why_not
from eksplora.training.member import MemberState
from eksplora.training.stepper import refusal

CACHE_BYTES = 8 * 2**20
"""Weights, gradients and two states of the optimizer of a population on a CPU, per thread: with more, members only push
each other out of the cache. Measured on the reference MLP: see docs/log.md."""

MOST_CONVOLVED = 300_000
"""Numbers that a step's convolutions may put out on a CPU: with more, members are as fast or faster one by one.
Measured on twelve networks: see docs/log.md."""

MEMORY_SHARE = 0.5
"""Part of the free memory that a population may take."""

EVALUATED_BYTES = 2**24
"""Numbers that the layers may put out in one forward pass of an evaluation: twice the step of the reference CNN. Larger
batches only leave the cache and ask the system for memory."""

COPIES = 6
"""Numbers held per weight: weight, gradient, two of the optimizer, the change, and one to work with."""


@dataclass(frozen=True)
class Engine:
    """Plan of trainings.

    Attributes:
        size: Most members that train together; 1: each alone.
        reason: Why not more.
    """

    size: int
    reason: str


def choose(members: Sequence[MemberState], device: torch.device, workers: int = 1) -> Engine:
    """The engine for trainings that the driver took for compatible.

    Args:
        members: They share network, batch size and optimizer.
        device: Where they are trained.
        workers: Processes that share its memory.

    Raises:
        ConfigError: If `training.engine=fused` asks for what cannot be.
    """
    recipe = members[0].recipe
    if recipe.engine == "single":
        return Engine(1, "training.engine=single")
    network = members[0].network()
    obstacle = _obstacle(members, network)
    if obstacle and recipe.engine == "fused" and len(members) > 1:
        raise ConfigError(f"training.engine=fused: {obstacle}. Choose training.engine=auto.")
    if obstacle:
        return Engine(1, obstacle)
    if recipe.engine == "auto" and device.type == "cpu":
        convolved = recipe.batch_size * _outputs(members[0], network, nn.Conv2d)
        if convolved > MOST_CONVOLVED:
            return Engine(1, f"convolutions of {convolved} outputs a step are faster one member at a time on a CPU")
    return _limited(members, network, device, workers)


def _obstacle(members: Sequence[MemberState], network: nn.Module) -> str:
    """Reason for which these members cannot be one population; empty when they can."""
    if unaware(network):
        two = [network, members[-1].network()] if len(members) > 1 else [network, copy.deepcopy(network)]
        why = why_not(two, members[0].fold.features[: min(ROWS, members[0].recipe.batch_size)])
        if why:
            return why
    parameter = nn.Parameter(torch.zeros(1, 1))
    # Trials of one population share the optimizer's class: the first stands for all.
    optimizers = [member.recipe.optimizer([parameter]) for member in members[:1]]
    return refusal(optimizers[0]) or ""


def _limited(members: Sequence[MemberState], network: nn.Module, device: torch.device, workers: int) -> Engine:
    """Size of a population: as many as are wanted, fit the memory and, on a CPU, the cache."""
    recipe = members[0].recipe
    each = member_bytes(members[0], network)
    # Workers that share the device see the same free memory.
    limits = {"memory": int(free_bytes(device) * MEMORY_SHARE / workers / each)}
    if recipe.population is not None:
        limits["training.population"] = recipe.population
    elif device.type == "cpu":
        weights = 4 * sum(parameter.numel() for parameter in network.parameters())
        # Four copies of the weights are touched in a step: weights, gradient, two states of Adam.
        limits["the processor's cache"] = max(8, CACHE_BYTES * torch.get_num_threads() // (4 * weights))
    name = min(limits, key=lambda key: limits[key])
    return Engine(max(1, limits[name]), f"{name} holds {limits[name]} members")


def member_bytes(member: MemberState, network: nn.Module) -> int:
    """Memory that one member more takes, in bytes: its parameters in `COPIES`, and twice what its layers put out.

    Args:
        member: For its batch size and the shape of its rows.
        network: A network of one member.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return 4 * (COPIES * parameters + 2 * _outputs(member, network) * member.recipe.batch_size)


def rows_at_once(member: MemberState) -> int:
    """Rows, of all members together, that one forward pass of an evaluation takes."""
    each = 4 * max(1, _outputs(member, member.network()))
    return max(64, min(4096, EVALUATED_BYTES // each))


def _outputs(member: MemberState, network: nn.Module, kind: type[nn.Module] = nn.Module) -> int:
    """Numbers that the layers of a kind put out for one row."""
    counts = []
    layers = [module for module in network.modules() if isinstance(module, kind) and not list(module.children())]
    # A dry run with one row: layers know their output sizes only when they have input.
    hooks = [layer.register_forward_hook(lambda *call: counts.append(_numbers(call[2]))) for layer in layers]
    with torch.no_grad():
        network.eval()(member.fold.features[:1])
    for hook in hooks:
        hook.remove()
    return sum(counts)


def _numbers(output: object) -> int:
    """Numbers that a layer puts out."""
    tensor = first_tensor(output)
    return 0 if tensor is None else tensor.numel()


def free_bytes(device: torch.device) -> int:
    """Memory that is free for a training on this device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    # MemAvailable counts caches that the kernel would give back, MemFree does not.
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(line for line in lines if line.startswith("MemAvailable"))
    return int(available.split()[1]) * 1024
