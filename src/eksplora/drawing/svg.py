"""Matplotlib's pictures as SVG in a page: texts are texts, colours are the page's, and marks say more when pointed at.

Such a picture needs no library to be seen: a page with one has about 40 kB, where Plotly alone has 4.8 MB.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib

matplotlib.use("agg")
from markupsafe import Markup, escape
from matplotlib import pyplot as plt

INK, RULE = "#010203", "#010204"
"""Stand for the page's colours of text and of lines, which differ by its theme."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # texts stay texts
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
}

_POINTED = "eksplora-mark-"


@contextmanager
def plain(style: Mapping[Any, Any] = MappingProxyType({})) -> Iterator[None]:
    """Names are drawn as they are, the same picture is the same file, and a letter that no font has is a box."""
    same: dict[Any, Any] = {"svg.hashsalt": "eksplora", "text.parse_math": False}  # $ in a name begins no formula
    with plt.rc_context({**same, **style}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes, in inches, in the look of a page; closed at the end."""
    with plain(_STYLE):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def logarithmic(axis: Any) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks: powers would be formulas, and names may hold $."""
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter("")


def pointed(texts: Sequence[str]) -> list[str]:
    """Texts encoded as the addresses (`urls`) of Matplotlib's marks, from which `as_svg` takes them."""
    return [f"{_POINTED}{text.encode().hex()}" for text in texts]


def as_svg(figure: Any, *, name: str) -> Markup:
    """A figure as an element of a page.

    Args:
        figure: Made within `drawing`.
        name: Unique on the page.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", file.getvalue(), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", lambda found: _own(found[0], name), text[text.index("<svg") :])
    return Markup(re.sub(r"\s*\n\s*", "\n", text))


def _own(tag: str, name: str) -> str:
    """A tag with the page's colours, its ids made unique; what was an address becomes words."""
    if found := re.fullmatch(rf'<a xlink:href="{_POINTED}(\w*)"[^>]*>', tag):
        return f"<g><title>{escape(bytes.fromhex(found[1]).decode())}</title>"
    if tag == "</a>":
        return "</g>"
    tag = re.sub(r"font-family:[^;\"]*; ", "", tag)
    tag = tag.replace(INK, "var(--ink)").replace(RULE, "var(--rule)")
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", tag)
