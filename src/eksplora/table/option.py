"""Options of a table as one types them in a shell: ways out that can be pasted, whatever a column is called."""

import re
import shlex

PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
"""Names that need no quotes; a number, or a name with other letters, is no word of Hydra's grammar."""


def role(key: str, name: str) -> str:
    """The option that gives a column a role.

    Examples:
        >>> print(role("time", "built"), role("group", "patient no"))
        data.time=built 'data.group="patient no"'
    """
    return shlex.quote(f"data.{key}={_value(name)}")


def left_out(name: str) -> str:
    """The option that leaves a column out.

    Examples:
        >>> print(left_out("sale price"))
        'data.drop=["sale price"]'
    """
    return shlex.quote(f"data.drop=[{_value(name)}]")


def kind(name: str, chosen: str) -> str:
    """The option that says what a column is.

    Examples:
        >>> print(kind("zip", "category"), kind("sale price", "number"))
        data.columns.zip=category 'data.columns.sale price=number'
    """
    return shlex.quote(f"data.columns.{name}={chosen}")


def _value(name: str) -> str:
    """A name as a value of Hydra's grammar: in double quotes where it is no plain word."""
    if PLAIN.fullmatch(name) and name.lower() not in ("true", "false", "null", "nan", "inf"):
        return name
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', name)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
