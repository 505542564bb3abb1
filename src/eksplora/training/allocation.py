"""Memory that a training lets go of stays with the process, where the C library allows it."""

import ctypes
from functools import cache

MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD = -3, -1, -2
"""Numbers of the settings in glibc's <malloc.h>."""

KEPT_BYTES = 2**30
"""Free memory that is kept, at most."""

LARGE_BYTES = 2**25
"""Pieces of this size are still taken from the system one by one: kept, they would break the rest into pieces (peak
memory of a population of 256 reference MLPs: 773 MiB, 896 without)."""


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed memory instead of handing it back to the system; returns whether it took the settings.

    A step of a convolutional network allocates megabytes and frees them; the system zeroes every page that it hands out
    again, and half of the reference network's time on a CPU went there (docs/log.md). Other C libraries do without.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    # Below LARGE_BYTES blocks come from the heap, which keeps up to KEPT_BYTES at its top.
    settings = ((MMAP_THRESHOLD, LARGE_BYTES), (TRIM_THRESHOLD, KEPT_BYTES), (TOP_PAD, 2**26))
    taken = [mallopt(name, value) == 1 for name, value in settings]
    return all(taken)
