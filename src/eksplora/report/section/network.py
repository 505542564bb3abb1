"""The network as a table and as a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, prod

from markupsafe import Markup, escape

from eksplora.records.architecture import ArchitectureRecord, LayerRecord
from eksplora.records.results import Results
from eksplora.report.block import Block, Drawing, Note, Section, TableBlock, Tiles, code
from eksplora.report.number import number
from eksplora.report.section.attribution import absent

MOST_DRAWN = 24
"""Boxes of a drawing."""

_WIDTH, _HEIGHT, _STEP = 400, 40, 62


@dataclass(frozen=True)
class Box:
    """A box of the drawing: a layer and those after it that change no shape.

    Attributes:
        kinds: What the layers are.
        output: What comes out, e.g. `32 x 8 x 8`.
        parameters: Of all of them.
    """

    kinds: Sequence[str]
    output: str
    parameters: int


def section(facts: Results) -> Section:
    """Layers with their shapes, parameters and work."""
    return Section(
        key="network",
        title="The network",
        says=(
            "The layers in the order in which a row goes through them. Parameters are what is learned, multiply-adds "
            "the work for one row, the receptive field the part of an image that one number of a layer has seen."
        ),
        blocks=absent(facts) if facts.explained is None else _blocks(facts.explained.architecture),
    )


def _blocks(found: ArchitectureRecord | None) -> list[Block]:
    if not found or not found.layers:
        return [Note("The network has no layers that could be listed.")]
    tiles = [
        ("input", found.input, "shape of one row"),
        ("parameters", number(found.parameters), "of one member"),
        ("multiply-adds", number(found.multiply_adds), "for one row"),
    ]
    drawn = boxes(found.layers)
    rest = [] if len(drawn) <= MOST_DRAWN else [Note(f"The first {MOST_DRAWN} of {len(drawn)} steps are drawn.")]
    return [Tiles(tiles), *rest, _drawing(found.input, drawn[:MOST_DRAWN]), _table(found.layers)]


def _table(layers: Sequence[LayerRecord]) -> TableBlock:
    has_field = any(layer.receptive_field for layer in layers)
    rows = [
        {
            "layer": code(layer.name),
            "kind": layer.kind,
            "output": layer.output,
            "parameters": layer.parameters,
            "multiply-adds": layer.multiply_adds,
            **({"receptive field": layer.receptive_field} if has_field else {}),
        }
        for layer in layers
    ]
    return TableBlock("Layers", rows)


def boxes(layers: Sequence[LayerRecord]) -> list[Box]:
    """Layers as boxes: what has no parameters and leaves the shape as it is goes into the box before."""
    found: list[Box] = []
    for layer in layers:
        if found and layer.output == found[-1].output and not layer.multiply_adds:
            last = found.pop()
            found.append(Box([*last.kinds, layer.kind], last.output, last.parameters + layer.parameters))
        else:
            found.append(Box([layer.kind], layer.output, layer.parameters))
    return found


def _drawing(entry: str, drawn: Sequence[Box]) -> Drawing:
    """Boxes from top to bottom, as wide as the logarithm of what comes out of them."""
    all_boxes = [Box(["input"], entry, 0), *drawn]
    sizes = [log2(1 + prod(int(part) for part in box.output.split(" x "))) for box in all_boxes]
    parts = [
        _box(place, box, size / max(sizes)) for place, (box, size) in enumerate(zip(all_boxes, sizes, strict=True))
    ]
    height = _STEP * len(all_boxes) - (_STEP - _HEIGHT) + 4
    svg = Markup('<svg viewBox="0 0 {} {}" class="network">{}</svg>').format(_WIDTH, height, Markup("").join(parts))
    label = ", then ".join(f"{' and '.join(box.kinds)} giving {box.output}" for box in all_boxes)
    return Drawing("The way of a row", label, svg)


def _box(place: int, box: Box, wide: float) -> Markup:
    """A box with what it does, what comes out and what is learned in it, and the arrow to it."""
    top, width = 2 + place * _STEP, 210 + (_WIDTH - 214) * wide
    left = (_WIDTH - width) / 2
    learned = f" · {number(box.parameters)} parameters" if box.parameters else ""
    arrow = (
        Markup('<path class="arrow" d="M{x} {a}V{b}m-4 -5l4 5l4 -5"/>').format(
            x=_WIDTH // 2, a=top - (_STEP - _HEIGHT) + 2, b=top - 2
        )
        if place
        else Markup("")
    )
    kind = "learned" if box.parameters else "fixed"
    return arrow + Markup(
        '<rect class="{kind}" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="6"/>'
        '<text x="{middle}" y="{first}">{what}</text><text class="small" x="{middle}" y="{second}">{out}</text>'
    ).format(
        kind=kind,
        x=left,
        y=top,
        width=width,
        height=_HEIGHT,
        middle=_WIDTH // 2,
        first=top + 17,
        second=top + 33,
        what=_short(" + ".join(box.kinds)),
        out=escape(f"{box.output}{learned}"),
    )


def _short(text: str) -> str:
    return text if len(text) <= 44 else f"{text[:43]}…"
