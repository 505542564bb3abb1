"""A page with pictures: one small file that opens without a network, in light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Drawn:
    """A picture of a page.

    Attributes:
        title: What it shows.
        label: The same for who cannot see it.
        svg: See `eksplora.drawing.svg.as_svg`.
    """

    title: str
    label: str
    svg: Markup


_STYLE = """
:root { --paper: #ffffff; --ink: #1c232d; --soft: #56606d; --rule: #dfe4ea; color-scheme: light dark; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e4e8ed; --soft: #a2adb9; --rule: #303944; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 16px/1.6 system-ui, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
p { color: var(--soft); max-width: 70ch; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; min-width: 0; overflow-x: auto; }
svg { display: block; width: 100%; min-width: 20rem; height: auto; font-family: inherit; }
main:has(> :only-child) svg { min-width: 26rem; max-width: 52rem; }
"""

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title} · eksplora</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>{says}</p>
<main>
{figures}
</main>
</body>
</html>
""")

_FIGURE = Markup("""<figure role="img" aria-label="{label}">
<figcaption><strong>{title}</strong></figcaption>
{svg}
</figure>""")


def page(title: str, says: str, pictures: Sequence[Drawn]) -> str:
    """The page as HTML.

    Args:
        title: Its heading.
        says: What it shows and how to read it.
        pictures: One below the other on a phone, beside each other where there is room.
    """
    figures = Markup("\n").join(_FIGURE.format(title=one.title, label=one.label, svg=one.svg) for one in pictures)
    return str(_PAGE.format(title=title, says=says, style=Markup(_STYLE), figures=figures))
