"""The pages: what they name exists, their commands compose, their lines are short, and all are in the navigation.

Each rule is a function from the project's folder to a list of offences. It is tested twice: on the project, where the
list is empty, and on a small project that offends.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from PIL import Image
from test_structure import RANKS

from eksplora.cli.arguments import with_file
from eksplora.config import compose_request, composing, explain, gather_space, parse_space, quote_names
from eksplora.errors import EksploraError

ROOT = Path(__file__).parents[1]

FRONT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
HISTORY = ("CHANGELOG.md", "docs/log.md", "docs/benchmarks.md", "docs/benchmarks-peers.md")
"""Pages that tell of earlier times: what they name may be gone."""

UNWRAPPED = (
    "docs/log.md",
    "docs/benchmarks.md",
    "docs/benchmarks-peers.md",
    "docs/calibration.md",
    "docs/reference/catalogue.md",
)
"""Pages that are measured or made by a program."""

LONGEST_LINE = 100

LINK = re.compile(r"\[(?:[^][]|\[[^]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"\b(?:src|conf|tests|tools|pipelines|docs|benchmarks)/[\w./-]*\w")
MAKE_TARGET = re.compile(r"\bmake ([a-z][a-z-]*)\b")


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Every page with its path from the project's folder."""
    files = [*sorted((root / "docs").rglob("*.md")), *(root / name for name in FRONT if (root / name).exists())]
    for file in files:
        yield file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")


def prose(text: str) -> str:
    """The text of a page without its blocks of code."""
    return FENCE.sub("", text)


def code(text: str) -> str:
    """The code of a page: its blocks and its words in backticks."""
    blocks = [found[2] for found in FENCE.finditer(text)]
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", prose(text))])


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[\s]+", "-", heading) for heading in plain}


def broken_links(root: Path) -> list[str]:
    """Links to files or headings that do not exist."""
    texts = dict(pages(root))
    found = []
    for name, text in texts.items():
        for target in LINK.findall(prose(text)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (root / name).parent / path if path else root / name
            other = file.resolve().relative_to(root.resolve()).as_posix()
            if not file.is_file() or (anchor and other in texts and anchor not in anchors(texts[other])):
                found.append(f"{name}: {target}")
    return found


def written_by_the_reader(text: str) -> set[str]:
    """Files that the paragraph right before a block shows how to write, and others that a page calls `<name>`."""
    before = re.findall(r"(?:^|\n\n)([^`\n][^\n]*|`[^\n]*(?:\n[^\n]+)*)\n\n```(?:yaml|python)\n", text)
    return {name for paragraph in before for name in NAMED_FILE.findall(paragraph)}


def missing_files(root: Path) -> list[str]:
    """Files of the project that a page names as code and that do not exist."""
    found = []
    for name, text in pages(root):
        own = written_by_the_reader(text)
        words = re.sub(r"\S*[<*]\S*", "", code(text))  # a pattern is no file
        for path in sorted(set(NAMED_FILE.findall(words)) - own):
            if name not in HISTORY and not (root / path).exists():
                found.append(f"{name}: {path}")
    return found


def unknown_targets(root: Path) -> list[str]:
    """Targets of make that a page names as code and the Makefile does not have."""
    known = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return [
        f"{name}: make {target}"
        for name, text in pages(root)
        for target in sorted(set(MAKE_TARGET.findall(code(text))) - known)
        if name not in HISTORY
    ]


def long_lines(root: Path) -> list[str]:
    """Lines above 100 characters, outside of tables, code and addresses."""
    return [
        f"{name}: {line[:40]}..."
        for name, text in pages(root)
        for line in prose(text).splitlines()
        if len(line) > LONGEST_LINE and name not in UNWRAPPED and not line.startswith("|")
    ]


def unknown_names(root: Path) -> list[str]:
    """Names that the API pages ask for and no source file defines."""
    found = []
    for name, text in pages(root):
        for dotted in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE):
            module, _, last = dotted.rpartition(".")
            files = [
                root / "src" / place for place in (f"{dotted.replace('.', '/')}.py", f"{dotted.replace('.', '/')}")
            ]
            homes = [root / "src" / f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")]
            if not any(file.exists() for file in files) and not any(last in defined(home) for home in homes):
                found.append(f"{name}: {dotted}")
    return found


def defined(file: Path) -> set[str]:
    """What a source file defines or imports at its top."""
    if not file.is_file():
        return set()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imports = [alias for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return names | {alias.asname or alias.name for alias in imports}


def outside_of_navigation(root: Path) -> list[str]:
    """Pages of docs/ that the navigation lacks, and entries of it without a page."""
    settings: Any = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))

    def entries(node: Any) -> Iterator[str]:
        for item in node if isinstance(node, list) else node.values():
            if isinstance(item, str):
                yield item
            else:
                yield from entries(item)

    listed = {f"docs/{entry}" for entry in entries(settings["nav"])}
    written = {name for name, _ in pages(root) if name.startswith("docs/")}
    return sorted(listed ^ written)


RULES = [broken_links, missing_files, unknown_targets, long_lines, unknown_names, outside_of_navigation]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_pages_keep_the_rule(rule: Any) -> None:
    assert rule(ROOT) == []


OFFENCES = {
    "broken_links": "See [a page](gone.md) and [a heading](index.md#gone).",
    "missing_files": "Look at `src/gone.py`.",
    "unknown_targets": "```sh\nmake nothing\n```",
    "long_lines": "word " * 30,
    "unknown_names": "::: eksplora.gone",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project with one page that keeps all rules."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(
        "# Home\n\n[Up](#home), `make all`\n\n`conf/mine.yaml`:\n\n```yaml\na: 1\n```\n"
    )
    (tmp_path / "mkdocs.yml").write_text("nav:\n  - Home: index.md\n")
    (tmp_path / "Makefile").write_text("all:\n\ttrue\n")
    return tmp_path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_an_offence(rule: Any, small: Path) -> None:
    assert rule(small) == []
    (small / "docs/index.md").write_text("# Home\n\n" + OFFENCES.get(rule.__name__, "") + "\n")
    if rule is outside_of_navigation:
        (small / "docs/other.md").write_text("# Other\n")
    assert len(rule(small)) == (2 if rule is broken_links else 1)


def commands(text: str) -> Iterator[list[str]]:
    """The overrides of each command of a page that composes a configuration, the name of its root first."""
    roots = {"sweep": "search", "train": "train", "baseline": "baseline", "prepare": "prepare", "report": "report"}
    names = {"EXPERIMENT": "experiment", "SAMPLER": "sampler", "TRIALS": "study.n_trials"}
    names |= {"DATA": "data", "TARGET": "data.target"}
    for language, block in (found.groups() for found in FENCE.finditer(text)):
        for line in block.replace("\\\n", " ").splitlines() if language == "sh" else []:
            words = shlex.split(line, comments=True)
            if words[:1] == ["make"] and words[1] in roots:
                given = dict(word.split("=", 1) for word in words[2:])
                plain = [f"{names[name]}={value}" for name, value in given.items() if name in names]
                yield [roots[words[1]], *plain, *shlex.split(given.get("ARGS", ""))]
            elif words[:1] == ["eksplora"] and (ROOT / f"conf/{words[1]}.yaml").is_file():
                yield words[1:]
            elif words[1:] and (script := re.fullmatch(r"pipelines/(\w+)\.py", words[1])):
                yield [script[1], *words[2:]]


TUTORIAL = [name for name, _ in pages(ROOT) if name.startswith("docs/tutorial/")]
HOW_TO = [name for name, _ in pages(ROOT) if name.startswith("docs/how-to/")]  # 40 commands: some seconds


@pytest.mark.parametrize("name", [*TUTORIAL, *(pytest.param(name, marks=pytest.mark.slow) for name in HOW_TO)])
def test_commands_of_a_page_compose(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    own = own_choices(text)
    write_own_data(tmp_path)
    with chdir(tmp_path), composing():
        told = [refusal(*words) for words in commands(text) if not own & {word.partition("=")[2] for word in words}]
    assert [*filter(None, told)] == []


def write_own_data(folder: Path) -> None:
    """The table and the images that pages speak of, with the columns that their commands name."""
    columns = "id,city,area,built,garden,zip,agent,price"
    rows = [f"{n},{'Rome' if n % 3 else 'Oslo'},{50 + n},19{n:02d}-01-02,yes,{n % 4},A,{3.5 * n}" for n in range(60)]
    (folder / "houses.csv").write_text("\n".join([columns, *rows]) + "\n")
    listed = ["file,age,patient"]
    for number in range(24):
        image = Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8))
        for path in (Path(f"photos/{'cat' if number % 2 else 'dog'}/{number}.png"), Path(f"scans/{number}.png")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(folder / path)
        listed.append(f"scans/{number}.png,{20 + number},P{number % 8}")
    (folder / "list.csv").write_text("\n".join(listed) + "\n")


def own_choices(text: str) -> set[str]:
    """Choices whose file a page shows how to write."""
    return {Path(path).stem for path in written_by_the_reader(text)} | {"houses_mlp"}


def refusal(root: str, *words: str) -> str:
    """The command and the line that it is refused with; empty if it composes."""
    try:
        request = compose_request(root, gather_space(quote_names(with_file(root, words))))
        if root == "search":
            parse_space(request.settings.space)
    except (EksploraError, HydraException, OmegaConfBaseException) as error:
        return f"{root} {shlex.join(words)}: {explain(error, root)}"
    return ""


def test_a_command_with_a_misspelt_key_does_not_compose() -> None:
    [words] = commands('```sh\nmake train EXPERIMENT=wine_mlp ARGS="optimizer.rate=1"\n```')
    with composing():
        told = refusal(*words)
    assert told.startswith("train experiment=wine_mlp optimizer.rate=1: optimizer.rate: no such key.")


def test_the_architecture_lists_every_room_with_its_rank() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    listed = {(int(rank), room) for rank, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}
    assert listed == {(rank, room) for rank, rooms in enumerate(RANKS) for room in rooms}
