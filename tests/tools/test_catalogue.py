"""The page of all parts and keys: complete, and current."""

import re

import pytest
import yaml

from tools import catalogue

FILES = [file for file in sorted(catalogue.CONF.glob("*/*.yaml")) if file.parent.name not in catalogue.WHOLE]


@pytest.fixture(scope="module")
def text() -> str:
    return catalogue.page()


def test_the_page_is_current(text: str) -> None:
    is_current = catalogue.PAGE.is_file() and catalogue.PAGE.read_text(encoding="utf-8") == text
    assert is_current, f"{catalogue.PAGE} is not what the files in conf/ say now. Run `make catalogue`."


def test_every_file_of_every_group_is_on_the_page_with_all_its_keys_and_their_values(text: str) -> None:
    sections = dict(re.findall(r"^### (\S+=\S+)\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL))
    assert len(sections) == len([*catalogue.CONF.glob("*/*.yaml")])
    for file in FILES:
        rows = re.findall(
            r"^\| `(\w+)\.(\w+)` \| `(.*?)` \|", sections[f"{file.parent.name}={file.stem}"], re.MULTILINE
        )
        stated = yaml.safe_load(file.read_text()) or {}
        shown = {name: yaml.safe_load(value.replace(r"\|", "|")) for _, name, value in rows}
        assert shown == {key: value for key, value in stated.items() if key != "defaults" and key[0] != "_"}, file


def test_keys_of_a_study_are_on_the_page(text: str) -> None:
    stated = yaml.safe_load((catalogue.CONF / "search.yaml").read_text())
    for key in [*(f"study.{name}" for name in stated["study"]), *(f"training.{name}" for name in stated["training"])]:
        assert re.search(rf"^\| `{re.escape(key)}` \| `.*?` \| \w", text, re.MULTILINE), key


@pytest.mark.parametrize(
    ("content", "comment", "keys"),
    [
        ("# of the file\na: 1 # of the key\n", "of the file\n", [("a", "1", "of the key")]),
        ("# of the file\n\na: 1\n", "of the file\n", [("a", "1", "")]),
        ("# of the key\na: 1\n", "", [("a", "1", "of the key")]),
        (
            "# of the file\n_target_: x\n# one\n# two\nb: 2 # three\n",
            "of the file\n",
            [("_target_", "x", ""), ("b", "2", "one two three")],
        ),
        (
            "a: 'x#y' # z\nb:\n  c: ${d.e} # y\nf: [1, 2]\n",
            "",
            [("a", "'x#y'", "z"), ("b.c", "${d.e}", "y"), ("f", "[1, 2]", "")],
        ),
    ],
)
def test_a_comment_is_of_the_file_or_of_the_key_beside_or_below(
    content: str, comment: str, keys: list[tuple[str, str, str]]
) -> None:
    found, body = catalogue.split(content)
    assert found == comment
    assert [(key.name, key.value, key.comment) for key in catalogue.keys(body)] == keys


def test_every_link_leads_to_a_heading(text: str) -> None:
    headings = {catalogue.link(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = re.findall(r"\[[^]]+\]\(#[^)]+\)", text)
    assert len(links) > 30 and set(links) <= headings


NO_PARTS = {"experiment", "exploration", "objective", "paths", "space", "tracker"}
"""Groups of names, places and choices: none of their files computes anything of a paper."""


def test_every_part_has_a_source(text: str) -> None:
    """An address, a paper in the docstring of what it builds, or a year; or it is another choice with other values."""
    for group, name, section in re.findall(r"^### (\w+)=(\w+)\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
        is_part = group not in NO_PARTS and name not in ("none", "off")
        assert not is_part or re.search(r"https?://|Source: |\b(19|20)\d\d\b|\(#", section), f"{group}={name}"
