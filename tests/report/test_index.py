import html
import re
import urllib.parse

import pytest

from eksplora.report.index import index

EXPERIMENT = {
    "name": "digits<cnn>",
    "headline": "Test accuracy 0.94 over 8 members.",
    "link": "digits_cnn/report.html",
    "others": ["digits_cnn/report.md", "digits_cnn/tables"],
}
EXPLORATION = {
    "name": "boston",
    "title": "Boston & housing",
    "budget": {"name": "smoke", "note": "small"},
    "counts": {"replicated": 2, "not replicated": 0, "not distinguishable": 6},
    "link": "paper/boston/README.md",
    "claims": "paper/claims.md",
}


def test_the_index_links_every_report_and_says_what_was_found() -> None:
    other = {"name": "Bench", "says": "how fast it is", "link": "bench.md"}
    text = index(experiments=[EXPERIMENT], explorations=[EXPLORATION], others=[other])
    for link in (
        "digits_cnn/report.html",
        "digits_cnn/tables",
        "paper/boston/README.md",
        "paper/claims.md",
        "bench.md",
    ):
        assert f'href="./{link}"' in text
    assert "digits&lt;cnn&gt;" in text and "Boston &amp; housing" in text and "<cnn>" not in text
    assert "Test accuracy 0.94 over 8 members." in text
    assert "Claims: 2 replicated, 6 not distinguishable." in text
    assert "SMOKE RUN: the numbers mean nothing." in text


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        ({"experiments": [EXPERIMENT]}, ["No exploration has been run yet"]),
        ({"explorations": [{**EXPLORATION, "counts": {}, "budget": {}}]}, ["No experiment has a report", "no claims"]),
        ({}, ["No experiment has a report", "No exploration has been run yet"]),
    ],
)
def test_a_kind_of_which_there_is_none_says_how_to_make_it(kinds: dict, says: list[str]) -> None:
    text = index(**kinds)
    assert all(sentence in text for sentence in says)
    assert "Other pages" not in text and "SMOKE" not in text


@pytest.mark.parametrize("folder", ["javascript:alert(1)", "//example.org", 'a"b onclick="x', "50% ?x#y"])
def test_a_link_leads_to_the_folder_whatever_its_name_is(folder: str) -> None:
    text = index(experiments=[{**EXPERIMENT, "link": f"{folder}/report.html", "others": []}])
    (link,) = re.findall('<h3><a href="([^"]*)">', text.partition("Explorations")[0])
    page = "file:///results/index.html"
    assert urllib.parse.urljoin(page, html.unescape(link)).startswith("file:///results/")
    assert urllib.parse.unquote(html.unescape(link)) == f"./{folder}/report.html"
