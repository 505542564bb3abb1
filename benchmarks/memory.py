"""Measurement of memory: the peak of a population by its size, beside the engine's estimate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.case import Case, load
from benchmarks.sides import processes
from benchmarks.table import Row, Section
from benchmarks.tracked import members_of
from benchmarks.turns import Say
from eksplora.study.packing import MOST_ON_CPU, MOST_ON_GPU
from eksplora.training import engine
from eksplora.types import Training
from eksplora.work.job import state_of

MIB = 2**20

TEXT = """\
Most memory that a process held at any time (`VmHWM`) while it trained a population of `experiment={experiment}` for
{epochs} epoch(s), less that of the smallest; a fresh process for each size. One network has {parameters} parameters.

- fitted: {slope:.1f} bytes per parameter and member (a straight line by least squares, R2 = {fit:.4f}).
- estimated: {estimate:.1f} bytes per parameter and member, by `member_bytes` in `src/eksplora/training/engine.py`:
  {copies} numbers per parameter, and twice what the layers put out for a batch.

The rule for the size of a population, unless `training.population` sets it: the driver puts at most {on_cpu} members
together on a CPU and {on_gpu} on a GPU. The worker takes them if, by the estimate, they fit into {share:.0%} of the
memory that is free and, on a CPU, if their parameters, gradients and optimizer state stay below {cache:.0f} MiB for
each thread (8 members always do); otherwise it gives the population back, to be cut."""


@dataclass(frozen=True)
class Peak:
    """Most memory that a process has held, in bytes, when it had trained a population of `members`."""

    members: int
    bytes: int


def peak(case: Case, members: int) -> Peak:
    """Train a population in this process, which must be fresh."""
    case.ours(members)
    # Not `ru_maxrss`: that of a new process begins with what its parent held when it was made.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    most = next(line for line in lines if line.startswith("VmHWM"))
    return Peak(members, int(most.split()[1]) * 1024)


def measure_memory(case: Case, *, sizes: Sequence[int], say: Say) -> Section:
    """Train a population of each size, the smallest first."""
    peaks = []
    for size in sizes:
        with processes(1) as (process,):
            peaks.append(process.submit(peak, case, size).result())
        say(f"{size} member(s): {peaks[-1].bytes / MIB:.0f} MiB")
    return report(case, peaks)


def report(case: Case, peaks: Sequence[Peak]) -> Section:
    """The section of the peaks."""
    parts = load(case)
    member = state_of(Training(0, members_of(0, 1)[0], parts.config, ""))
    network = member.network()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    each = engine.member_bytes(member, network)
    slope, fit = line(peaks)
    text = TEXT.format(
        experiment=parts.settings["experiment"],
        epochs=parts.recipe.max_epochs,
        parameters=parameters,
        slope=slope / parameters,
        fit=fit,
        estimate=each / parameters,
        copies=engine.COPIES,
        on_cpu=MOST_ON_CPU,
        on_gpu=MOST_ON_GPU,
        share=engine.MEMORY_SHARE,
        cache=engine.CACHE_BYTES / MIB,
    )
    return Section("Memory of a population", text, rows_of(peaks, slope, each))


def line(peaks: Sequence[Peak]) -> tuple[float, float]:
    """Bytes per member, and the share of the variance that a straight line explains.

    Examples:
        >>> line([Peak(1, 100), Peak(2, 120), Peak(3, 140)])
        (20.0, 1.0)
    """
    members, held = np.array([[one.members, one.bytes] for one in peaks], dtype=np.float64).T
    slope = np.cov(members, held)[0, 1] / members.var(ddof=1)
    return float(slope), float(np.corrcoef(members, held)[0, 1] ** 2)


def rows_of(peaks: Sequence[Peak], slope: float, each: int) -> list[Row]:
    """One row per size, in MiB; fitted and estimated are for the members beyond the first row's."""
    first = peaks[0]
    return [
        {
            "members": str(one.members),
            "peak, MiB": f"{one.bytes / MIB:.0f}",
            f"above that of {first.members}": f"{(one.bytes - first.bytes) / MIB:.1f}",
            "fitted": f"{slope * (one.members - first.members) / MIB:.1f}",
            "estimated": f"{each * (one.members - first.members) / MIB:.1f}",
        }
        for one in peaks
    ]
