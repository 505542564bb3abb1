"""The versions of packages and the machine, as flat strings."""

import os
import platform
from importlib import metadata
from pathlib import Path

from eksplora.provenance._git import UNKNOWN

PACKAGES = (
    "eksplora",
    "hydra-core",
    "mlflow",
    "numpy",
    "optuna",
    "pytorch-lightning",
    "scikit-learn",
    "torch",
    "torchmetrics",
)


def versions() -> dict[str, str]:
    versions = {f"version.{package}": version_of(package) for package in PACKAGES}
    return {"version.python": platform.python_version(), **versions}


def version_of(package: str) -> str:
    """The version of an installed package; "unknown" where it is none."""
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):  # a record may name anything
        return UNKNOWN


def machine() -> dict[str, str]:
    return {
        "machine.cpu": _cpu(),
        "machine.cores": str(_usable_cores()),
        "machine.memory_gib": _memory_gib(),
        "machine.system": f"{platform.system()} {platform.release()}",
        "machine.arch": platform.machine(),
    }


def _cpu() -> str:
    """The processor's model name: Linux says it in /proc/cpuinfo, other systems through `platform`."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or UNKNOWN


def _usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine's under a batch system or taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f}"
    except (ValueError, OSError):
        return UNKNOWN
