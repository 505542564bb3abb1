"""Elements of a page: sections, and the blocks in them. Templates give them their look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from markupsafe import Markup

from eksplora.report.number import NONE, interval, is_known, number, share

_SHORT = 26


@dataclass(frozen=True)
class Cell:
    """Content of a table's cell.

    Attributes:
        text: As it is read.
        key: What the column is sorted by; None: the text, and such cells come last among numbers.
        is_number: Whether it is set right, with digits below digits.
        is_code: Whether it is typed or compared letter by letter.
    """

    text: str
    key: float | None = None
    is_number: bool = False
    is_code: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it should have room for more than a few words."""
        return not self.is_number and len(self.text) > _SHORT


def cell(value: Any) -> Cell:
    """A number, a text, or what is a cell already."""
    if isinstance(value, Cell):
        return value
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return Cell(number(value), value if is_known(value) else None, is_number=True)
    return Cell(str(value))


def between(low: float | None, high: float | None) -> Cell:
    """An interval, sorted by its lower end."""
    return Cell(interval(low, high), low, is_number=True)


def percent(value: float | None) -> Cell:
    """A share in per cent."""
    return Cell(share(value), value, is_number=True)


def percents(low: float | None, high: float | None) -> Cell:
    """An interval of shares in per cent, sorted by its lower end."""
    return Cell(f"{share(low)} to {share(high)}" if is_known(low) and is_known(high) else NONE, low, is_number=True)


def code(text: str) -> Cell:
    """Text that is typed or compared letter by letter."""
    return Cell(text, is_code=True)


class Block:
    """Something that a section shows.

    Attributes:
        kind: The template's macro.
    """

    kind: ClassVar[str]


@dataclass(frozen=True)
class Prose(Block):
    """A paragraph.

    Attributes:
        text: Plain; `code` is set as such, here and in all sentences.
    """

    text: str
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Headline(Block):
    """The sentence that one should keep of all."""

    text: str
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Note(Block):
    """A sentence that stands out: why something is missing, or what to be careful about."""

    text: str
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Points(Block):
    """A list of sentences."""

    texts: Sequence[str]
    kind: ClassVar[str] = "points"


@dataclass(frozen=True)
class Heading(Block):
    """A heading below that of the section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Tiles(Block):
    """A few numbers that one should see first.

    Attributes:
        tiles: (label, number, what is to be known about it).
    """

    tiles: Sequence[tuple[str, str, str]]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class TableBlock(Block):
    """A table that sorts by a click on a column's head.

    Attributes:
        title: What it shows.
        rows: By column; every row has the same columns.
        says: How to read it.
        is_tall: Whether it scrolls inside its box when it has many rows.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    says: str = ""
    is_tall: bool = True
    kind: ClassVar[str] = "table"

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each column with whether it has numbers."""
        return [
            (name, any(cell(row[name]).is_number for row in self.rows)) for name in (self.rows[0] if self.rows else ())
        ]

    @property
    def lines(self) -> list[list[Cell]]:
        """The cells of each row."""
        return [[cell(value) for value in row.values()] for row in self.rows]


@dataclass(frozen=True)
class Plot(Block):
    """A picture that Plotly draws.

    Attributes:
        name: Unique on the page.
        title: What it shows.
        label: What is to be seen, for who cannot see it.
        figure: Of Plotly, as JSON that may stand in a page.
        says: How to read it.
        height: In pixels.
        width: The least, in pixels: where there is less, the picture scrolls inside its box.
    """

    name: str
    title: str
    label: str
    figure: Markup
    says: str = ""
    height: int = 320
    width: int = 0
    kind: ClassVar[str] = "plot"


@dataclass(frozen=True)
class Picture:
    """A small picture of pixels.

    Attributes:
        source: As a data URI.
        alt: What it shows.
        lines: What stands below it.
    """

    source: str
    alt: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Gallery(Block):
    """Pictures in a grid.

    Attributes:
        title: What they are.
        groups: Pictures that belong together stand side by side, what is said of all of them below.
        says: How to read them.
    """

    title: str
    groups: Sequence[tuple[Sequence[Picture], Sequence[str]]]
    says: str = ""
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Drawing(Block):
    """A drawing in SVG.

    Attributes:
        title: What it shows.
        label: The same for who cannot see it.
        svg: With colours of the page's style.
    """

    title: str
    label: str
    svg: Markup
    kind: ClassVar[str] = "drawing"


@dataclass(frozen=True)
class Commands(Block):
    """Lines for a terminal.

    Attributes:
        lines: (command, what it does).
    """

    lines: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "commands"


@dataclass(frozen=True)
class Beside(Block):
    """Blocks side by side where there is room, one below the other on a phone."""

    blocks: Sequence[Block]
    kind: ClassVar[str] = "beside"


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        key: Its anchor.
        title: Its heading.
        says: What one sees in it and how to read it.
        blocks: In the order of the page.
    """

    key: str
    title: str
    says: str
    blocks: Sequence[Block]
