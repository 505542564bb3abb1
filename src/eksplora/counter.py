"""The counter rule: every random draw is a function of names and numbers, never of hidden generator state.

Data order is `derive(member_seed, "order", epoch)`, dropout `derive(member_seed, "step", step)`, a proposal
`derive(study_seed, "trial", number)`. So stopping anywhere and going on gives the same bits.
"""

import hashlib
import json


def derive(*parts: int | str) -> int:
    """A seed in [0, 2**63) that depends on every part and on nothing else.

    Examples:
        >>> derive(0, "order", 1) == derive(0, "order", 1)
        True
        >>> derive(0, "order", 1) == derive(0, "order", 2)
        False
    """
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def fingerprint(value: object) -> str:
    """The sha256 (hex) of a plain value's canonical JSON: equal content, equal fingerprint."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
