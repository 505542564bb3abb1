"""The report of an experiment as one file that opens without a net."""

from eksplora.records.results import Results
from eksplora.report.block import Section
from eksplora.report.page import plotly, render
from eksplora.report.section import (
    again,
    attribution,
    audit,
    confirmation,
    embedding,
    failure,
    learning,
    network,
    result,
    search,
    tested,
    uncertainty,
)

SECTIONS = (
    result.section,
    again.data,
    confirmation.section,
    audit.section,
    tested.section,
    uncertainty.section,
    failure.section,
    attribution.section,
    embedding.section,
    search.section,
    learning.section,
    network.section,
    again.section,
)
"""Sections in the order of the page."""

WITHOUT_NETWORK = (result.section, confirmation.section, search.section, learning.section, again.section)
"""Those of a search over a function of the user's own."""


def document(facts: Results) -> str:
    """The page as HTML.

    Args:
        facts: What the stages handed on.
    """
    return render(
        "document.html",
        title=facts.confirmed.experiment,
        sections=sections(facts),
        plotly=plotly(),
    )


def sections(facts: Results) -> list[Section]:
    """Content of the page, before it is rendered."""
    kept = SECTIONS if facts.has_network else WITHOUT_NETWORK
    return [section(facts) for section in kept]
