"""Set up in the process that workers are forked from, before its imports.

A worker whose driver is stopped between asking for it and handing over its work reads the end of a pipe: that is
no error. What the system refuses to this process (another process, memory) the driver reports.
"""

import sys
from types import TracebackType


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, EOFError | OSError | MemoryError):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _report
