"""Small mutations of JSON texts: what a damaged disk, another version or another person may leave in a file."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

STRANGE: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 0.5, 1e308, float("nan"), float("-inf")),
    *("", "3", "../../outside", "/outside", "a\0b", "\n", "${oc.env:HOME}", "é" * 2000),
    *([], {}, [[]], [None], {"_target_": "os.mkdir", "path": "outside"}),
)
"""Values that stand in the place of others."""

TEXTS = (
    *(b"", b" ", b"null", b"[]", b"3", b'"text"', b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"\0" * 100, b"not json"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"9" * 10_000 + b"}", b'{"a": 1e999}', b'{"a": "\\ud800"}'),
)
"""What is no object of ours at all."""


def mutations(text: str, count: int, *, seed: int = 0) -> Iterator[bytes]:
    """The texts above, then `count` texts that each differ from a JSON object in one place, or in one bit."""
    draw, known = random.Random(seed), json.loads(text)
    yield from TEXTS
    for number in range(count):
        if number % 5 == 0:
            content = bytearray(text.encode())
            bit = draw.randrange(8 * len(content))
            content[bit // 8] ^= 1 << bit % 8
            yield bytes(content)
        else:
            yield json.dumps(_mutated(copy.deepcopy(known), draw)).encode()


def _mutated(known: Any, draw: random.Random) -> Any:
    """One value, wherever it is, replaced, removed, doubled or renamed."""
    parent, key = draw.choice(list(_places(known)))
    change = draw.choice(("replace", "replace", "remove", "double", "rename"))
    if change == "replace":
        parent[key] = draw.choice(STRANGE)
    elif change == "remove":
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    else:
        parent[f"{key}_" if change == "rename" else "more"] = parent.pop(key) if change == "rename" else parent[key]
    return known


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a nested value: what holds it, and its key or number there."""
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
