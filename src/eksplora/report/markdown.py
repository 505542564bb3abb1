"""The sections of a page as Markdown; pictures are named, they are on the page that opens in a browser."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.report import block as blocks
from eksplora.report.table import Markdown, markdown, table

MOST_ROWS = 20
"""Rows that are shown of a table that may be long: the other page has all of them."""

_CODE = re.compile(r"(`[^`]+`)")


def page(title: str, sections: Sequence[blocks.Section]) -> str:
    """The page, ending with a line break."""
    parts = [f"# {markdown(title)}"]
    for section in sections:
        parts += [f"## {_sentence(section.title)}", _sentence(section.says), *map(_shown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _shown(block: blocks.Block) -> str:
    match block:
        case blocks.Prose():
            return _sentence(block.text)
        case blocks.Headline():
            return f"**{_sentence(block.text)}**"
        case blocks.Note():
            return f"> {_sentence(block.text)}"
        case blocks.Heading():
            return f"### {_sentence(block.text)}"
        case blocks.Points():
            return _points(block.texts)
        case blocks.Tiles():
            return _points([f"{label}: {number} ({says})" for label, number, says in block.tiles])
        case blocks.TableBlock():
            return _table(block)
        case blocks.Plot() | blocks.Drawing():
            return f"Picture: {_sentence(block.label)}."
        case blocks.Gallery():
            return f"Pictures: {_sentence(block.title)}."
        case blocks.Commands():
            return _commands(block)
        case blocks.Beside():
            return "\n\n".join(map(_shown, block.blocks))
    raise TypeError(f"A page of Markdown has no {type(block).__name__}.")


def _sentence(text: str) -> str:
    """A text in one line, what stands between backticks as code."""
    parts = _CODE.split(" ".join(text.splitlines()))
    return "".join(part if _CODE.fullmatch(part) else markdown(part) for part in parts)


def _points(texts: Sequence[str]) -> str:
    return "\n".join(f"- {_sentence(text)}" for text in texts)


def _table(block: blocks.TableBlock) -> str:
    shown = block.rows[:MOST_ROWS] if block.is_tall else block.rows
    left = len(block.rows) - len(shown)
    rows: list[Mapping[str, Any]] = [{name: _cell(blocks.cell(value)) for name, value in row.items()} for row in shown]
    parts = [f"{_sentence(block.title)}:", table(rows), _sentence(block.says)]
    return "\n\n".join(filter(None, [*parts, f"{left} more rows are in `report.html`." if left else ""]))


def _cell(cell: blocks.Cell) -> str:
    return Markdown(f"`{cell.text}`") if cell.is_code and cell.text and "`" not in cell.text else cell.text


def _commands(block: blocks.Commands) -> str:
    """Commands as a block of code, whatever stands in them."""
    text = "\n".join(f"{command}  # {says}" for command, says in block.lines)
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}bash\n{text}\n{fence}"
