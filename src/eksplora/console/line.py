"""The line of a study in so many columns: what matters least goes first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from eksplora.console.terminal import cut


@dataclass(frozen=True)
class RunningPopulation:
    """A population that trains now, in words.

    Attributes:
        name: Which trials or members.
        epoch: How far they are, such as `epoch 41/200`; empty before the first epoch and where there are none.
        value: The objective just now; empty while there is none.
    """

    name: str
    epoch: str = ""
    value: str = ""

    def __str__(self) -> str:
        """All of it."""
        return " ".join(filter(None, (self.name, self.epoch, self.value)))


@dataclass(frozen=True)
class Line:
    """The progress of a study, as one line.

    Attributes:
        title: Its name.
        count: Trials that are over, and all, such as `8/20`.
        best: The best value; empty while there is none.
        best_name: Whose it is.
        running: What trains now, furthest first.
        left: The time that is left, or what is done before anything trains.
    """

    title: str
    count: str
    best: str = ""
    best_name: str = ""
    running: Sequence[RunningPopulation] = ()
    left: str = ""

    def in_full(self) -> str:
        """The line with everything."""
        return next(self._forms())

    def fitted(self, width: int) -> str:
        """The line with as much as goes into so many columns."""
        return next((form for form in self._forms() if cell_len(form) <= width), "") or self._least(width)

    def _forms(self) -> Iterator[str]:
        """Forms of the line, from the longest to the shortest."""
        best = f"best {self.best}" if self.best else ""
        whose = f"{best} ({self.best_name})" if best and self.best_name else best
        every = ", ".join(map(str, self.running))
        first = self.running[0] if self.running else RunningPopulation("")
        others = f" and {len(self.running) - 1} more" if len(self.running) > 1 else ""
        for shown, running, left in (
            (whose, every, self.left),
            (whose, f"{first}{others}", self.left),
            (best, f"{first}{others}", self.left),
            (best, f"{first}", self.left),
            (best, f"{first}", self.left.replace("about ", "~").replace("less than ", "<")),
            (best, f"{first.name} {first.epoch}".strip(), self.left),
            (best, first.epoch, self.left),
            (best, "", self.left),
            ("", "", self.left),
        ):
            yield _joined(f"{self.title} {self.count}", shown, running, left)

    def _least(self, width: int) -> str:
        """The title cut, then left out."""
        end = _joined(self.count, self.left)
        room = width - cell_len(end) - 1
        return f"{cut(self.title, room)} {end}" if room > 3 else cut(end, width)


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def shown_value(value: float) -> str:
    """Three digits, so that a line does not jump.

    Examples:
        >>> shown_value(2.1), shown_value(0.9583), shown_value(1234.5), shown_value(float("nan"))
        ('2.10', '0.958', '1234', 'nan')
    """
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:#.3g}".removesuffix(".")
