"""The list of all results, from what lies in a folder."""

import json
from pathlib import Path

from mutating import mutations

from eksplora.report.listing import write_index


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
