"""The page of an experiment as Markdown: the same sections as the page that opens in a browser."""

import re
from typing import Any

import pytest
from handed_on import sections
from markdown_it import MarkdownIt
from markupsafe import Markup

from eksplora.report import block
from eksplora.report.markdown import MOST_ROWS, page

Facts = dict[str, Any]


def shown(*blocks: block.Block) -> str:
    """Blocks as they are shown below the head of a section."""
    return page("a", [block.Section("key", "Title", "Says.", blocks)]).partition("Says.\n\n")[2].rstrip()


@pytest.mark.parametrize("kind", ["digits", "boston"])
def test_every_section_is_there_with_what_it_says_and_its_tables(kind: str, request: pytest.FixtureRequest) -> None:
    known = sections(request.getfixturevalue(kind))
    text = page("an_experiment", known)
    assert text.startswith("# an_experiment\n\n## Result\n\nWhat the chosen model")
    assert re.findall("^## (.*)", text, re.MULTILINE) == [one.title for one in known]
    assert all(f"\n{one.title}:\n\n| " in text for section in known for one in section.blocks if is_table(one))


def test_plain_baselines_stand_beside_the_model_where_they_were_fitted(digits: Facts) -> None:
    assert "Beside plain baselines" not in page("a", sections(digits)), "an earlier version fitted none"
    said = "the delivered model is better than majority on new rows, trained on these: 0.8 [0.7, 0.9]"
    beside = {"name": "majority", "value": 0.125, "versus": {"in_words": said, "verdict": "better"}}
    text = page("a", sections({**digits, "evaluated": {**digits["evaluated"], "baselines": [beside]}}))
    assert f"| majority | 0.1250 | {said} |" in text.partition("Beside plain baselines:")[2]


def is_table(one: block.Block) -> bool:
    return isinstance(one, block.TableBlock) and bool(one.rows)


def test_a_page_begins_with_what_was_found(digits: Facts) -> None:
    head, _, _ = page("a", sections(digits)).partition("What was asked")
    one = digits["evaluated"]["test"]["accuracy"]
    assert f"**{digits['evaluated']['headline']}**" in head and digits["confirmed"]["headline"] in head
    assert f"- test accuracy: {one['ensemble']:#.4g} (of the mean prediction of 8 members, higher is better)" in head


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (block.Prose("see `a*b` and c*d"), "see `a*b` and c\\*d"),
        (block.Headline("One."), "**One.**"),
        (block.Note("One."), "> One."),
        (block.Heading("One"), "### One"),
        (block.Points(["one", "two"]), "- one\n- two"),
        (block.Tiles([("mae", "2.3", "lower is better")]), "- mae: 2.3 (lower is better)"),
        (block.Commands([("make a", "does it")]), "```bash\nmake a  # does it\n```"),
        (block.Commands([("echo ```", "says it")]), "````bash\necho ```  # says it\n````"),
        (block.Plot("name", "Title", "Dots on a line", Markup("{}")), "Picture: Dots on a line."),
        (block.Drawing("Title", "Boxes", Markup("<svg/>")), "Picture: Boxes."),
        (block.Gallery("Most wrong", []), "Pictures: Most wrong."),
        (block.Beside([block.Heading("One"), block.Note("Two.")]), "### One\n\n> Two."),
    ],
)
def test_each_block_has_its_form(one: block.Block, text: str) -> None:
    assert shown(one) == text


def test_a_table_shows_cells_as_they_are_read_and_says_how_many_rows_are_left() -> None:
    rows = [{"key": block.code("a|b"), "mean": 0.123456, "interval": block.between(None, None)}] * (MOST_ROWS + 2)
    text = shown(block.TableBlock("Trials", rows, "Of one study."))
    assert text.startswith("Trials:\n\n| key | mean | interval |\n| --- | --- | --- |\n| `a\\|b` | 0.1235 | — |\n")
    assert text.endswith("\n\nOf one study.\n\n2 more rows are in `report.html`.")
    assert text.count("0.1235") == MOST_ROWS
    assert shown(block.TableBlock("Trials", rows, is_tall=False)).count("0.1235") == MOST_ROWS + 2


def test_a_text_stays_a_text() -> None:
    wild = "<script>x</script> [a](javascript:b) `<b>` ``c`` **d**\n# e"
    text = page(wild, [block.Section("key", wild, wild, [block.Prose(wild), block.Points([wild])])])
    made = MarkdownIt("commonmark").enable("table").render(text)
    assert set(re.findall(r"<(\w+)", made)) == {"h1", "h2", "p", "ul", "li", "code"}
