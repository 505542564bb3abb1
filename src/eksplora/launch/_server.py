"""Set up in the process that workers are forked from, before its imports.

A worker whose driver is stopped between asking for it and handing over its work reads the end of a pipe: that is
nothing to tell anybody. What the system refuses to this process (another process, memory) the driver tells.
"""

import sys
from types import TracebackType


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, EOFError | OSError | MemoryError):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _tell
