"""A population as its driver sees it."""

from dataclasses import dataclass

Key = tuple[int, int]
"""A training: number of its trial, index of its member."""


@dataclass
class Population:
    """Trainings that one worker gets together.

    Attributes:
        number: Its number within the study, from 0.
        keys: Its trainings; fixed once it has begun, since its checkpoints hold them all.
        reason: Why it is a part of a larger one; empty when it is not.
        is_begun: Whether a worker has had it.
        deaths: Times that a worker died on it since the driver started.
    """

    number: int
    keys: list[Key]
    reason: str = ""
    is_begun: bool = False
    deaths: int = 0

    @property
    def members(self) -> dict[int, list[int]]:
        """Its members by trial, both in their order."""
        members: dict[int, list[int]] = {}
        for trial, member in self.keys:
            members.setdefault(trial, []).append(member)
        return members
