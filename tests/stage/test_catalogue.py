"""The page of all parts and keys: read from files, complete, and current."""

import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from eksplora.config import choices, compose_request, flatten
from eksplora.config.configurator import SEARCHED_GROUPS
from eksplora.errors import StorageError
from eksplora.installation import CONF
from eksplora.report.catalogue import Option, anchor, as_code
from eksplora.stage import _commented
from eksplora.stage._docstring import sources, words
from eksplora.stage.catalogue import DATA, HOLDERS, PAGE, catalogue, collect, page

ROOT = CONF.parent

SMALL = {
    "conf/search.yaml": """# A study.
defaults:
  - search_schema
  # how weights change
  - optimizer: sgd
  - dropout: "none" # units that are zeroed
  - _self_
  - experiment: small

study:
  seed: 0 # any integer
""",
    "conf/optimizer/sgd.yaml": """# https://example.org/sgd.html
# The oldest
# of all.
#
# Still good.
_target_: torch.optim.SGD
_partial_: true
lr: 1.0e-2 # learning rate, above 0
# fraction of the last
# step kept
momentum: 0.0
""",
    "conf/optimizer/own.yaml": """_target_: eksplora.optimizer.own
betas: [0.9, 0.999]  # two fractions
name: "it's: #1" # quoted
""",
    "conf/dropout/none.yaml": "# fraction of the units\nrate: 0.0\nkind: standard # which\n",
    "conf/dropout/half.yaml": """# Somebody, 2014
defaults:
  - none
  - _self_

rate: 0.5
kind: standard # the same
""",
    "conf/metric/mae.yaml": "# See https://example.org/mae.html.\n_target_: torchmetrics.MeanAbsoluteError\n",
    "conf/space/small.yaml": "# Grammar.\nparams:\n  optimizer.lr: interval(1, 2) # no unit\nwhen: {}\n",
    "conf/experiment/small.yaml": """# @package _global_
# Few rows.
defaults:
  - override /optimizer: own

optimizer:
  name: x
""",
    "src/eksplora/optimizer.py": '''"""Optimizers."""
class Own:
    """Our own step of a * b.

    Source: We, "It",
    2020.

    Args:
        betas: Source: none.
    """

other, own = None, Own
''',
}

SMALL_PAGE = """## Contents

- [Keys of a study](#keys-of-a-study): its budget, and how it runs

| group | what it is for | options | by default |
| --- | --- | --- | --- |
| [optimizer](#optimizer) | how weights change | 2 | `sgd` |
| [dropout](#dropout) | units that are zeroed | 2 | `none` |
| [experiment](#experiment) |  | 1 | `small` |
| [metric](#metric) |  | 1 |  |
| [space](#space) |  | 1 |  |

## Keys of a study

| key | default | meaning |
| --- | --- | --- |
| `study.seed` | `0` | any integer |

## optimizer

How weights change.

Options: [own](#optimizerown), [sgd](#optimizersgd). By default: `sgd`. A space may search it.

### optimizer=own

Builds `eksplora.optimizer.own` ([src/eksplora/optimizer.py](../src/eksplora/optimizer.py)): Our own step of a \\* b.

Source: We, "It", 2020.

| key | default | meaning |
| --- | --- | --- |
| `optimizer.betas` | `[0.9, 0.999]` | two fractions |
| `optimizer.name` | `"it's: #1"` | quoted |

### optimizer=sgd

Builds [`torch.optim.SGD`](https://example.org/sgd.html).

The oldest of all.

Still good.

| key | default | meaning |
| --- | --- | --- |
| `optimizer.lr` | `1.0e-2` | learning rate, above 0 |
| `optimizer.momentum` | `0.0` | fraction of the last step kept |

## dropout

Units that are zeroed.

Options: [half](#dropouthalf), [none](#dropoutnone). By default: `none`. A space may search it.

### dropout=half

As [dropout=none](#dropoutnone), but for the defaults in bold.

Somebody, 2014

| key | default | meaning |
| --- | --- | --- |
| `dropout.rate` | **`0.5`** instead of `0.0` | fraction of the units |
| `dropout.kind` | `standard` | the same |

### dropout=none

| key | default | meaning |
| --- | --- | --- |
| `dropout.rate` | `0.0` | fraction of the units |
| `dropout.kind` | `standard` | which |

## experiment

By default: `small`.

- **small**: Few rows.
  - chooses `optimizer=own`
  - `optimizer.name=x`

## metric

Options: [mae](#metricmae).

### metric=mae

Builds [`torchmetrics.MeanAbsoluteError`](https://example.org/mae.html).

See <https://example.org/mae.html>.

It has no keys.

## space

- **small**: Grammar.
  - `space.params.optimizer.lr=interval(1, 2)`: no unit
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of a few files."""
    for name, text in SMALL.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def write(output: Path) -> str:
    """The page as the command writes it."""
    catalogue(compose_request("catalogue", [f"output={output}"]))
    return output.read_text()


# --- reading -----------------------------------------------------------------------------------------------------


def test_the_page_of_a_small_project_is_this_text(small: Path) -> None:
    text = page(collect(small), small, small / PAGE)
    assert text[text.index("## Contents") :] == SMALL_PAGE


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("a: 1", [("a", "1", "")]),
        ("a: 'x # y' # z", [("a", "'x # y'", "z")]),
        ("a: [1,\n  2] # z\nb: http://h/#b", [("a", "[1, 2]", "z"), ("b", "http://h/#b", "")]),
        ("a: # z\n  - 1 # one\n  - 2\nb:", [("a", "[1, 2]", "z"), ("b", "null", "")]),
        ("a: # ignored\n  b: # z\n  c: ${d.e} # y", [("a.b", "null", "z"), ("a.c", "${d.e}", "y")]),
        ("# one\n# two\na: 1\n\n# three\nb: 2 # four", [("a", "1", "one two"), ("b", "2", "three four")]),
        ("", []),
    ],
)
def test_keys_have_the_text_of_their_value_and_the_comments_beside_and_right_above(
    text: str, entries: list[tuple[str, str, str]]
) -> None:
    found = _commented.read(text).entries
    assert [(entry.name, entry.value, entry.comment) for entry in found] == entries


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("# of the file\na: 1 # of the key", ["of the file"]),
        ("# of the file\n\na: 1", ["of the file"]),
        ("# of the key\na: 1", []),
        ("# of the file\n_target_: x", ["of the file"]),
        ("# of the file\na:\n  b: 1", ["of the file"]),
        ("# @package _global_\n# of the file\n", ["of the file"]),
    ],
)
def test_the_first_comment_is_of_the_file_unless_the_first_key_has_no_other(text: str, head: list[str]) -> None:
    assert _commented.read(text).head == head


def test_defaults_are_read_without_what_hydra_does_with_them() -> None:
    text = "defaults:\n  - override /data: wine # rows\n  - /metric@_global_.metric: mae\n  - none\n  - _self_\n"
    found = _commented.read(text).defaults
    assert [(default.group, default.option, default.comment) for default in found] == [
        ("data", "wine", "rows"),
        ("metric", "mae", ""),
        ("", "none", ""),
        ("", "_self_", ""),
    ]


def composed(folder: Path, name: str) -> dict[str, object]:
    """A file with all that it takes over, as Hydra merges them."""
    with initialize_config_dir(str(folder), version_base="1.3"):
        return dict(OmegaConf.to_container(compose(name), resolve=False))


def catalogued(root: Path, group: str, name: str) -> dict[str, object]:
    """Its keys as the page has them."""
    found = next(found for found in collect(root).groups if found.name == group)
    option = next(option for option in found.options if option.name == name)
    return {key.name.removeprefix(f"{group}."): yaml.safe_load(key.value) for key in option.keys}


@pytest.mark.filterwarnings("ignore:In 'half'. Defaults list is missing `_self_`")
@pytest.mark.parametrize("order", ["none, _self_", "_self_, none", "none", "none, more, _self_", "more, _self_, none"])
def test_keys_taken_over_have_the_values_that_hydra_gives_them(small: Path, order: str) -> None:
    (small / "conf/dropout/more.yaml").write_text("rate: 0.7 # more\nseed: 1 # new\n")
    (small / "conf/dropout/half.yaml").write_text(f"defaults: [{order}]\nrate: 0.5 # mine\nextra: 1 # new\n")
    assert catalogued(small, "dropout", "half") == composed(small / "conf/dropout", "half")


def takes_over(file: Path) -> bool:
    """Whether an option has the keys of another of its group, and nothing to do with other groups."""
    read = _commented.read(file.read_text(encoding="utf-8"))
    return not read.package and bool(read.defaults) and all(not default.group for default in read.defaults)


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(CONF.glob("*/*.yaml")) if takes_over(file)],
    ids=lambda file: f"{file.parent.name}={file.stem}",
)
def test_keys_that_the_projects_options_take_over_have_the_values_that_hydra_gives_them(file: Path) -> None:
    reference = {key: value for key, value in composed(file.parent, file.stem).items() if not key.startswith("_")}
    assert catalogued(ROOT, file.parent.name, file.stem) == reference


NAMES_PAPERS = """
def part():
    '''It.

    As said; source: A, 2019.
    B.

    Source: C.

    Args:
        x: Source: none.
    '''
"""
REFERS = """
class Part:
    '''It.

    Source: see `Base`, part 2.
    '''
class Base:
    '''Source: D.'''
other, part = None, Part
"""
REFERS_ELSEWHERE = """
from eksplora._inner import thing
def part():
    '''It.

    Source: see `thing`, and see `nothing`.
    '''
"""


@pytest.mark.parametrize(
    ("code", "summary", "sources"),
    [
        (NAMES_PAPERS, "It.", ["A, 2019. B.", "C."]),
        (REFERS, "It.", ["see `Base`, part 2.", "D."]),
        (REFERS_ELSEWHERE, "It.", ["see `thing`, and see `nothing`.", "E."]),
        ('class Part:\n    """It."""\n    source = "UCI"\npart = Part', "It.", ["UCI"]),
        ("from eksplora._inner import thing as part", "Within.", ["E."]),
        ("from ._inner import thing as part", "Within.", ["E."]),
        ('from eksplora._inner import part as other\nclass Own:\n    "It."\npart = Own', "It.", []),
        ('"""The file."""\npart = lambda: 1', "The file.", []),
    ],
)
def test_a_part_speaks_through_its_docstring(tmp_path: Path, code: str, summary: str, sources: list[str]) -> None:
    (tmp_path / "part.py").write_text(code)
    (tmp_path / "_inner.py").write_text('def thing():\n    """Within.\n\n    Source: E."""')
    said = words(tmp_path, "eksplora.part.part")
    assert said is not None
    assert (said.summary, list(said.sources)) == (summary, sources)
    assert words(tmp_path, "eksplora.none.part") is None


# --- writing -----------------------------------------------------------------------------------------------------


def test_the_command_says_how_much_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "page.md"
    text = write(output)
    groups, options, keys = collect(ROOT).counts()
    assert capsys.readouterr().out == f"{output}: {groups} groups, {options} options, {keys} keys\n"
    assert groups == len([folder for folder in CONF.iterdir() if folder.is_dir()])
    assert options == len(list(CONF.glob("*/*.yaml")))
    assert "](../" in text


def test_links_hold_from_where_the_page_lies(tmp_path: Path) -> None:
    text = write(tmp_path / "deep" / "page.md")
    link = re.search(r"\]\((\S+src/eksplora/initialization\.py)\)", text)
    assert link is not None
    assert (tmp_path / "deep" / link[1]).resolve() == ROOT / "src/eksplora/initialization.py"


@pytest.mark.parametrize("output", ["file/page.md", "folder"])
def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=rf"output: .*{output} cannot be written \(.*\)\. Give a file") as refused:
        write(tmp_path / output)
    assert refused.value.exit_code == 2


# --- the project's page ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text() -> str:
    return page(collect(ROOT), ROOT, ROOT / PAGE)


def test_the_page_is_current(text: str) -> None:
    is_current = (ROOT / PAGE).is_file() and (ROOT / PAGE).read_text(encoding="utf-8") == text
    assert is_current, f"{PAGE} is not what the files in conf/ say now. Run `make catalogue`."


def test_every_group_of_a_study_says_what_it_is_for() -> None:
    study = _commented.read((CONF / "search.yaml").read_text(encoding="utf-8"))
    assert [default.group for default in study.defaults if default.group and not default.comment] == []


def section(text: str, heading: str) -> str:
    """What stands under a heading, to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def stated(value: object) -> object:
    return yaml.safe_load(value) if isinstance(value, str) else value


@pytest.mark.parametrize("group", sorted({folder.name for folder in CONF.iterdir() if folder.is_dir()} - {*DATA}))
def test_every_key_of_every_file_stands_on_the_page_with_its_default(group: str, text: str) -> None:
    for name in choices(group):
        content = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8")) or {}
        is_delta = group in ("space", "experiment")
        shown = section(text, group if is_delta else f"{group}={name}")
        pattern = r"^  - `([\w.]+)=(.*?)`(?=:|$)" if is_delta else r"^\| `([\w.]+)` \| \**`(.*?)`(?= \||\*\*)"
        cells = {(key, str(yaml.safe_load(value))) for key, value in re.findall(pattern, shown, re.MULTILINE)}
        prefix = "" if group == "experiment" else f"{group}."
        for key, value in flatten({key: value for key, value in content.items() if key != "defaults"}).items():
            if not key.startswith("_") and (value != {} or not is_delta):
                assert (f"{prefix}{key}", str(stated(value))) in cells, f"{group}/{name}: {key}"


def test_keys_of_a_study_stand_on_the_page_with_their_comments(text: str) -> None:
    content = yaml.safe_load((CONF / "search.yaml").read_text(encoding="utf-8"))
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `.*?` \| (.+) \|$", section(text, "Keys of a study"), re.MULTILINE))
    assert set(rows) == set(flatten({key: content[key] for key in ("study", "training", "output")}))


def test_searched_groups_and_defaults_are_those_of_the_configuration(text: str) -> None:
    for default in _commented.read((CONF / "search.yaml").read_text(encoding="utf-8")).defaults:
        if default.group:
            shown = section(text, default.group)
            assert f"By default: {as_code(default.option)}." in shown
            assert ("A space may search it." in shown) is (default.group in SEARCHED_GROUPS)


def test_every_link_leads_somewhere(text: str) -> None:
    headings = [anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    assert len(headings) == len(set(headings))
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert len(links) > 100
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings, link
        elif link.startswith("http"):
            assert re.fullmatch(r"https://[\w-]+(\.[\w-]+)+/[\w./~%+#-]*", link), link
        else:
            assert (ROOT / PAGE).parent.joinpath(link).is_file(), link


NO_PARTS = {"experiment", "exploration", "paths", "space", "tracker"}
"""Groups of names, places and choices: none of their options computes anything of a paper."""


def test_every_option_of_every_group_of_parts_has_a_source() -> None:
    groups = {group.name: group for group in collect(ROOT).groups if group.name not in NO_PARTS}
    assert len(groups) > 20

    def has_source(option: Option) -> bool:
        """An address, papers in the words of what is built, papers in the file; or those of the option it brings."""
        part, brought = option.part, [found(*choice) for choice in option.brings]
        in_words = part is not None and (bool(part.sources) or "://" in part.place)
        return in_words or bool(option.documentation or sources(option.comment)) or any(map(has_source, brought))

    def found(group: str, name: str) -> Option:
        return next(option for option in groups[group].options if option.name == name)

    options = [(group.name, option) for group in groups.values() for option in group.options]
    assert [f"{group}={option.name}" for group, option in options if not has_source(option)] == []


def test_the_keys_of_a_group_are_what_its_holder_takes() -> None:
    for group, target in HOLDERS.items():
        taken = set(inspect.signature(resolve_name(target)).parameters) - {"after"}  # the activation, for dropout
        for option in next(found for found in collect(ROOT).groups if found.name == group).options:
            assert {key.name for key in option.keys} == {f"{group}.{name}" for name in taken}, option.name


def test_every_file_that_builds_something_names_it_with_its_documentation(text: str) -> None:
    for file in CONF.glob("*/*.yaml"):
        target = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("_target_")
        if target:
            shown = section(text, f"{file.parent.name}={file.stem}")
            assert re.search(rf"^Builds \[?`{re.escape(target)}`(\]\(https://| \(\[src/)", shown, re.MULTILINE), file
