"""Numbers as a page shows them: four digits, the same everywhere."""

import math
from collections.abc import Mapping
from typing import Any

from eksplora.drawing.axis import setting

NONE = "—"
"""Sign of a number that is not defined."""

_SPACE = "\u202f"  # narrow and not broken at: between groups of digits
_TIMES = "\u00d7"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    r"""A measured number: whole ones in full, others to four digits with their zeros.

    Examples:
        >>> number(0.96), number(12.34567), number(1.0), number(None)
        ('0.9600', '12.35', '1.000', '—')
        >>> number(0), number(-0.001), number(12345)
        ('0', '-0.001000', '12\u202f345')
    """
    if not is_known(value):
        return NONE
    assert value is not None
    if value == 0 or isinstance(value, int):
        return f"{int(value):,}".replace(",", _SPACE)
    rounded = float(f"{value:.4g}")
    if not 1e-4 <= abs(rounded) < 1e6:
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{digits} {_TIMES} 10{str(int(power)).translate(_RAISED)}"
    if abs(rounded) >= 1000:
        return f"{rounded:,.0f}".replace(",", _SPACE)
    return f"{rounded:#.4g}"


def is_known(value: float | None) -> bool:
    """Whether a number is there and finite."""
    return value is not None and math.isfinite(value)


def interval(low: float | None, high: float | None) -> str:
    """An interval; nothing where there is none.

    Examples:
        >>> interval(0.9, 0.95), interval(None, None)
        ('[0.9000, 0.9500]', '—')
    """
    return f"[{number(low)}, {number(high)}]" if is_known(low) and is_known(high) else NONE


def share(value: float | None) -> str:
    r"""A share in per cent.

    Examples:
        >>> share(0.625), share(1.0), share(None)
        ('62.5\u202f%', '100\u202f%', '—')
    """
    return f"{100 * value:.4g}{_SPACE}%" if value is not None and math.isfinite(value) else NONE


def settings(values: Mapping[str, Any]) -> str:
    """Keys with their values, as they are typed.

    Examples:
        >>> settings({"optimizer": "adam", "optimizer.lr": 0.01})
        'optimizer=adam, optimizer.lr=0.01'
    """
    return ", ".join(f"{key}={setting(value)}" for key, value in values.items())


def counted(count: float, one: str, many: str = "") -> str:
    """A count with its noun.

    Examples:
        >>> counted(1, "member"), counted(8, "member"), counted(2, "class", "classes")
        ('1 member', '8 members', '2 classes')
    """
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"
