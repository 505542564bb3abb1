"""The list of all results, from what lies in a folder."""

import html
import json
import re
import urllib.parse
from pathlib import Path

import pytest
from mutating import mutations

from eksplora.report.listing import index, write_index

EXPERIMENT = {
    "name": "digits<cnn>",
    "headline": "Test accuracy 0.94 over 8 members.",
    "link": "digits_cnn/report.html",
    "others": ["digits_cnn/report.md", "digits_cnn/tables"],
}
EXPLORATION = {
    "title": "Boston & housing",
    "warning": "SMOKE RUN: the numbers mean nothing.",
    "counts": {"replicated": 2, "not replicated": 0, "not distinguishable": 6},
    "link": "paper/boston/README.md",
    "claims": "paper/claims.md",
}


def test_the_index_links_every_report_and_says_what_was_found() -> None:
    text = index([EXPERIMENT], [EXPLORATION])
    for link in (
        "digits_cnn/report.html",
        "digits_cnn/tables",
        "paper/boston/README.md",
        "paper/claims.md",
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
        ({"explorations": [{**EXPLORATION, "counts": {}, "warning": ""}]}, ["No experiment has a report", "no claims"]),
        ({}, ["No experiment has a report", "No exploration has been run yet"]),
    ],
)
def test_a_kind_of_which_there_is_none_says_how_to_make_it(kinds: dict, says: list[str]) -> None:
    text = index(**kinds)
    assert all(sentence in text for sentence in says)
    assert "SMOKE" not in text


@pytest.mark.parametrize("folder", ["javascript:alert(1)", "//example.org", 'a"b onclick="x', "50% ?x#y"])
def test_a_link_leads_to_the_folder_whatever_its_name_is(folder: str) -> None:
    text = index([{**EXPERIMENT, "link": f"{folder}/report.html", "others": []}])
    (link,) = re.findall('<h3><a href="([^"]*)">', text.partition("Explorations")[0])
    page = "file:///results/index.html"
    assert urllib.parse.urljoin(page, html.unescape(link)).startswith("file:///results/")
    assert urllib.parse.unquote(html.unescape(link)) == f"./{folder}/report.html"


def experiment(results: Path, name: str, headline: str) -> None:
    (results / name / "evaluate").mkdir(parents=True)
    (results / name / "report.html").touch()
    (results / name / "tables").mkdir()
    (results / name / "evaluate/evaluate.json").write_text(json.dumps({"experiment": name, "headline": headline}))


def test_experiments_and_explorations_are_listed_with_what_they_found(tmp_path: Path) -> None:
    experiment(tmp_path, "größe", "Test mae 2.4 <over 8 members>.")
    (tmp_path / "paper/houses").mkdir(parents=True)
    claims = {"a": {"finding": "replicated"}, "b": {"finding": "not distinguishable"}, "c": {"finding": "replicated"}}
    facts = {"exploration": "houses", "title": "Houses", "budget": {"name": "full", "note": "all"}, "claims": claims}
    (tmp_path / "paper/houses/explore.json").write_text(json.dumps(facts))
    write_index(tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert 'href="./größe/report.html"' in text and "Test mae 2.4 &lt;over 8 members&gt;." in text
    assert 'href="./größe/tables"' in text and 'href="./größe/plots"' not in text
    assert 'href="./paper/houses/README.md"' in text and "2 replicated" in text and "1 not distinguishable" in text


def test_a_search_without_a_report_is_not_listed_and_damaged_facts_leave_the_rest(tmp_path: Path) -> None:
    (tmp_path / "only_searched/search").mkdir(parents=True)
    experiment(tmp_path, "damaged", "")
    (tmp_path / "damaged/evaluate/evaluate.json").write_text("{")
    write_index(tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert "only_searched" not in text and 'href="./damaged/report.html"' in text
    assert "No exploration has been run yet." in text


def test_whatever_facts_say_the_list_is_written(tmp_path: Path) -> None:
    experiment(tmp_path, "wine", "Test accuracy 0.9.")
    experiment(tmp_path, "houses", "Test mae 2.4.")
    explored = tmp_path / "paper/houses/explore.json"
    explored.parent.mkdir(parents=True)
    facts = {"exploration": "houses", "title": "Houses", "budget": {"name": "full"}, "set": ["a=1"]}
    explored.write_text(json.dumps(facts | {"claims": {"a": {"finding": "replicated"}}}))
    for path in (tmp_path / "wine/evaluate/evaluate.json", explored):
        text = path.read_text()
        for content in mutations(text, 100):
            path.write_bytes(content)
            write_index(tmp_path)
            assert "Test mae 2.4." in (tmp_path / "index.html").read_text(), content
        path.write_text(text)
