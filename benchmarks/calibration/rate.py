"""How often something happened, with the exact interval of the rate."""

from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True)
class Rate:
    """A count of trials in which something happened.

    Examples:
        >>> rate = Rate(100, 2000)
        >>> f"{rate.share:.3f}", [round(end, 3) for end in rate.interval()]
        ('0.050', [0.041, 0.06])
    """

    times: int
    trials: int

    @classmethod
    def of(cls, happened: Iterable[bool | None]) -> "Rate":
        """Of the trials that say something: None says nothing."""
        known = [one for one in happened if one is not None]
        return cls(sum(known), len(known))

    @property
    def share(self) -> float:
        """The observed rate."""
        return self.times / self.trials

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The exact interval of a binomial rate (Clopper and Pearson, Biometrika 26, 1934)."""
        found = stats.binomtest(self.times, self.trials).proportion_ci(level, method="exact")
        return float(found.low), float(found.high)

    def in_words(self) -> str:
        """In percent, for example `5.0 [4.1, 6.0]`."""
        low, high = self.interval()
        return f"{self.share:.1%} [{low:.1%}, {high:.1%}]".replace("%", "")
