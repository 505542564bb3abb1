"""Matplotlib's pictures in a page: what is shown is what the texts say, and nothing of it is code."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from eksplora.drawing.page import Drawn, page
from eksplora.drawing.svg import INK, as_svg, drawing, pointed

WILD = [
    "<script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "'\" onload='alert(1)' x=\"",
    "]]> -- <!-- &lt; $x_1$ \\frac",
    "https://example.org/x",
    "größer 猫",
]


@pytest.mark.parametrize("text", WILD)
def test_a_text_is_shown_as_it_is_wherever_it_stands(text: str) -> None:
    with drawing(3, 2) as (figure, axes):
        axes.scatter([1, 2], [1, 2], urls=pointed([text, "plain"]), label=text)
        axes.set_xlabel(text)
        axes.set_xticks([1], [text])
        axes.legend()
        svg = as_svg(figure, name="wild")
    root = ElementTree.fromstring(svg)
    found = ["".join(one.itertext()).strip() for one in root.iter() if one.tag.endswith(("}text", "}title"))]
    assert found.count(text) >= 3, "at the axis, at its tick, and beside a mark"
    assert {one.tag.partition("}")[2] for one in root.iter()} <= {
        *("svg", "g", "defs", "style", "path", "use", "text", "title", "clipPath", "rect", "tspan")
    }, "no links, no scripts, no images"
    for one in root.iter():
        assert not [name for name in one.attrib if name.startswith("on")]
        links = [value for name, value in one.attrib.items() if name.endswith("href")]
        assert all(value.startswith("#") for value in links)


def test_a_page_of_wild_titles_is_closed_and_forbids_everything() -> None:
    with drawing(3, 2) as (figure, _):
        svg = as_svg(figure, name="a")
    for text in WILD:
        made = page(text, text, [Drawn(text, text, svg)])
        assert made.count("<script") == made.count("<img") == 0 and made.count("</svg>") == 1
        assert "default-src 'none'" in made


def test_colours_are_the_pages_and_ids_of_two_pictures_differ() -> None:
    drawn = []
    for name in ("a", "b"):
        with drawing(3, 2) as (figure, axes):
            axes.plot([1, 2], [2, 1])
            drawn.append(as_svg(figure, name=name))
    assert "var(--ink)" in drawn[0] and INK not in drawn[0]
    ids = [set(re.findall(r'\bid="([^"]*)"', one)) for one in drawn]
    assert ids[0] and not ids[0] & ids[1]
