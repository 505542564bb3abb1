"""The signals that ask a command to end, and what is known of a process that a signal has ended."""

import signal

WARNINGS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
"""A terminal was closed, or a batch system says that time will soon be over. They may come several times."""

FOR_THE_DRIVER = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, *WARNINGS)
"""Signals that reach the whole process group (Ctrl-C, a batch system's end of time): the driver alone decides."""

UNKNOWN_END = 255
"""Exit code of a worker when the process that it was forked from is gone, and with it the only one that reads it."""


def heard() -> tuple[signal.Signals, ...]:
    r"""The signals that end a command: a warning that is ignored on purpose (`nohup`) stays ignored.

    Shells ignore Ctrl-C and Ctrl-\ for their background jobs; who sends one of these by name means it.
    """
    return tuple(
        number for number in FOR_THE_DRIVER if number not in WARNINGS or signal.getsignal(number) is not signal.SIG_IGN
    )


def cause_of_death(exit_code: int | None) -> str:
    """End of a process, in words.

    Examples:
        >>> cause_of_death(-11), cause_of_death(3)
        ('SIGSEGV', 'exit code 3')
        >>> cause_of_death(-9)
        'SIGKILL: most often memory had run out'
    """
    if exit_code == -signal.SIGKILL:
        return "SIGKILL: most often memory had run out"
    if exit_code is None or exit_code == UNKNOWN_END:
        return "the process that it was forked from was ended"
    # multiprocessing reports death by signal n as -n.
    return signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
