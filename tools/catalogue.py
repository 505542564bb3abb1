"""Write docs/reference/catalogue.md: every part and key that a configuration can have, from the files in conf/.

    .venv/bin/python tools/catalogue.py

A choice shows what its file says of itself, the summary and the sources in the docstring of what it builds, and its
keys with their values and comments. The files hold one key a line, explained beside it or right above
(`tests/test_structure.py`), so a line is read by a pattern and keeps its words.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

import yaml

from eksplora.config.configurator import SEARCHED_GROUPS

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
PAGE = ROOT / "docs/reference/catalogue.md"
WHOLE = ("experiment", "exploration", "space")
"""Groups whose files only set keys that are explained elsewhere: they are shown whole."""

PURPOSES = {
    "baseline": "what a network has to beat; `make baseline` fits those that are for the task",
    "exploration": "chains of one-factor studies; `make paper` runs them",
    "metric": "how a value of an objective is computed; the objective brings it",
}
"""Of the groups that are no choice of a study; conf/search.yaml explains the others."""

HEAD = """\
# Configuration catalogue

Every part that a configuration can choose and every key that it can set. `make catalogue` writes
this page from the files in `conf/` and from the parts' docstrings; do not edit it.

- Choose a part: `optimizer=sgd`. Set a key: `optimizer.lr=0.01`. Quote what the shell would read:
  `'model.widths=[64, 64]'`.
- A value such as `${data.num_classes}` is the value of that other key.
- Search over a key: `'space.params.optimizer.lr=tag(log, interval(1e-4, 1e-1))'`; over a group:
  `'space.params.optimizer=choice(adam, sgd)'`. Groups that no space may search are the same for all
  trials of a study.
"""


class Key(NamedTuple):
    """A key with the text of its value and its comment."""

    name: str
    value: str
    comment: str


def keys(text: str) -> Iterator[Key]:
    """The keys of a file; those of a nested mapping are dotted."""
    above, prefix = list[str](), ""
    for line in text.splitlines():
        found = re.fullmatch(r"( *)([A-Za-z_]\w*):(?: +([^#\s].*?))??(?: +# *(.*))?", line)
        if found is None:
            above = [*above, line.strip("# ")] if re.match(r" *#", line) else []
            continue
        indent, name, value, beside = found.groups()
        prefix = prefix if indent else ""
        if value is None:
            prefix = f"{name}."
        else:
            yield Key(f"{prefix}{name}", value, " ".join([*above, beside or ""]).strip())
        above = []


def split(text: str) -> tuple[str, str]:
    """The comment that a file begins with, unless it is that of the first key; and the rest of the file."""
    comment = "".join(re.findall(r"\A(?:#.*\n)+", text))
    rest = text.removeprefix(comment)
    if re.match(r"[a-z]\w*: (?!.* #)", rest):
        return "", text
    return re.sub(r"^# ?", "", comment, flags=re.MULTILINE), rest


def documented(part: Any) -> tuple[str, list[str]]:
    """The summary in a part's docstring; the papers that its free text names, or the origin of a data set."""
    text = re.split(r"^\w+:$", inspect.getdoc(part) or "", maxsplit=1, flags=re.MULTILINE)[0]
    summary, *paragraphs = text.split("\n\n")
    found = (re.search(r"\b[Ss]ources?:\s+(.*)", paragraph, re.DOTALL) for paragraph in (summary, *paragraphs))
    papers = [" ".join(match[1].split()) for match in found if match]
    return summary.partition("\n")[0], [*papers, *filter(None, [getattr(part, "source", "")])]


# --- Markdown ----------------------------------------------------------------------------------------------------


def prose(text: str) -> str:
    """Text that Markdown shows as it is; `code` stays code, addresses become links."""
    pieces = re.split(r"(`[^`]+`|https?://[\w-]+\.[^\s<>]*[\w/])", text)
    return "".join(f"<{piece}>" if piece.startswith("http") else _plain(piece) for piece in pieces)


def _plain(piece: str) -> str:
    return piece.replace("|", r"\|") if piece.startswith("`") else re.sub(r"([\\*<|]|\b_|_\b)", r"\\\1", piece)


def link(heading: str) -> str:
    """A link to a heading of the page."""
    return f"[{heading}](#{re.sub(r'[^a-z0-9_-]', '', heading.lower().replace(' ', '-'))})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows))


def key_table(found: Iterable[Key], *, prefix: str = "", comments: Mapping[str, str] | None = None) -> str:
    """A table of keys as they are typed; `comments` are those of keys that have none of their own."""
    known = comments or {}
    rows = [
        (_code(f"{prefix}{key.name}"), _code(key.value), prose(key.comment or known.get(key.name, ""))) for key in found
    ]
    return table(("key", "value", "meaning"), rows)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", r"\|")


# --- the page ----------------------------------------------------------------------------------------------------


def page() -> str:
    """The text of the page."""
    study = (CONF / "search.yaml").read_text(encoding="utf-8")
    defaults = re.findall(r"^ +# (.*)\n +- (\w+): \"?(\w+)", study, re.MULTILINE)
    purposes = {group: purpose for purpose, group, _ in defaults} | PURPOSES
    usual = {group: _code(name) for _, group, name in defaults}
    rows = [
        (link(group), prose(purpose), usual.get(group, ""), "yes" if group in SEARCHED_GROUPS else "")
        for group, purpose in purposes.items()
    ]
    contents = table(("group", "what it is", "by default", "a space may search it"), rows)
    blocks = [HEAD, contents, "## Keys of a study", key_table(keys(study.partition("\n\n")[2]))]
    for group, purpose in purposes.items():
        blocks += [f"## {group}", f"{prose(purpose[0].upper() + purpose[1:])}."]
        blocks += [block for file in sorted((CONF / group).glob("*.yaml")) for block in choice(file)]
    return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"


def choice(file: Path) -> Iterator[str]:
    """A file of a group: what it says of itself, what it builds, its keys."""
    group, text = file.parent.name, file.read_text(encoding="utf-8")
    settings: Mapping[str, Any] = yaml.safe_load(text) or {}
    yield f"### {group}={file.stem}"
    if group in WHOLE:
        yield f"```yaml\n{text.rstrip()}\n```"
        return
    comment, body = split(text)
    target = str(settings.get("_target_") or "")
    summary, sources = documented(resolve_name(target)) if target.startswith("eksplora.") else ("", [])
    yield prose(f"Builds `{target}`{f': {summary}' if summary else '.'}") if target else ""
    yield prose(comment)
    yield from (prose(f"Source: {source}") for source in sources)
    defaults = settings.get("defaults", [])
    brought = [
        next(iter(entry.items())) for entry in defaults if isinstance(entry, dict)
    ]  # /metric@_global_.metric: mae
    yield " ".join(f"Brings {link(key.strip('/').partition('@')[0] + '=' + name)}." for key, name in brought)
    bases = [name for name in defaults if isinstance(name, str) and name != "_self_"]
    yield " ".join(f"As {link(f'{group}={name}')}, except for these keys:" for name in bases)
    inherited = {key.name: key.comment for name in bases for key in keys(split(file.with_stem(name).read_text())[1])}
    own = [key for key in keys(body) if not key.name.startswith("_")]
    yield key_table(own, prefix=f"{group}.", comments=inherited) if own else "It has no keys."


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
