"""Facts that a part states about itself, so that a configuration can be checked against it before anything is built.

Facts that are asked for:

| of a | fact | meaning | unless it says so |
|---|---|---|---|
| loss, metric | `tasks` | names of the tasks that it is for | a regression |
| loss | `keeps_zero` | it compares with the targets' own zero, so they may not be shifted | False |
| loss | `least_target` | targets are this or more | None: any |
| network | `takes_alpha_dropout` | what it drops are an activation's values | True |

A class has them as attributes, a function by this decorator.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Part = TypeVar("Part", bound=Callable[..., Any])


def declares(**facts: object) -> Callable[[Part], Part]:
    """Give a function or class facts about itself; written out as plain values, they are read without an import.

    Examples:
        >>> @declares(tasks=("binary", "classification"))
        ... def focal(gamma): ...
        >>> focal.tasks
        ('binary', 'classification')
    """

    def give(part: Part) -> Part:
        for name, value in facts.items():
            setattr(part, name, value)
        return part

    return give
