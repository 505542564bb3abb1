"""A page as one file: style, script and pictures are in it, and nothing comes from the net."""

import base64
import gzip
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "html"


def render(template: str, **content: Any) -> str:
    """A page, ending with a line break.

    Args:
        template: Its file in the folder `html`.
        content: What the template names.
    """
    return _environment().get_template(template).render(content) + "\n"


@cache
def plotly() -> Markup:
    """Plotly's own script, packed (4.8 MB become 2); the page's script unpacks it."""
    from plotly.offline import get_plotlyjs

    packed = gzip.compress(get_plotlyjs().encode(), mtime=0)  # no time in it: the same page is the same file
    return Markup(base64.b64encode(packed).decode())


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= _inlined()
    found.filters |= {"sentence": sentence, "address": address}
    return found


def sentence(text: str) -> Markup:
    """A text for a page, what stands between backticks as code.

    Examples:
        >>> sentence("`a` < b")
        Markup('<code>a</code> &lt; b')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def address(path: str) -> str:
    """A path below the page's folder as a link to it, whatever its name is.

    Examples:
        >>> address("a b/report.html"), address("javascript:x/#1")
        ('./a%20b/report.html', './javascript:x/%231')
    """
    return "./" + re.sub(r"[%?#\\\s]", lambda found: quote(found[0]), path)


def _inlined() -> Mapping[str, Markup]:
    """Our style and script: they are part of the page as they are."""
    return {name: Markup((FOLDER / file).read_text(encoding="utf-8")) for name, file in _FILES.items()}


_FILES = {"page_style": "page.css", "page_script": "page.js", "plots_script": "plots.js"}
