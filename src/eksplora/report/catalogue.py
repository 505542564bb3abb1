"""The catalogue of all parts that a configuration may choose, as a page of Markdown."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eksplora.report.table import escaped

_URL = r"https?://[\w-]+\.[^\s<>`\"]*[^\s<>`\".,;:)]"  # of the open net: http://host:port is none


@dataclass(frozen=True)
class Key:
    """A key that can be set.

    Attributes:
        name: As it is typed on the command line, e.g. `optimizer.lr`.
        value: Its default, as the file has it.
        meaning: The file's comment.
        inherited: The default that the option takes from another and changes; None: it changes nothing.
    """

    name: str
    value: str
    meaning: str
    inherited: str | None = None


@dataclass(frozen=True)
class Part:
    """What an option builds, or what takes its keys.

    Attributes:
        target: Its dotted name.
        place: Address of a third party's documentation, or our file, from the project's root; empty: none is known.
        summary: What our docstring begins with.
        sources: The papers that our docstring names.
        is_built: Whether the option names it; otherwise its keys go there.
    """

    target: str
    place: str
    summary: str = ""
    sources: Sequence[str] = ()
    is_built: bool = True


@dataclass(frozen=True)
class Option:
    """A file of a config group.

    Attributes:
        name: The file's stem.
        comment: What the file begins with; paragraphs are separated by an empty line.
        part: What it builds, or what takes its keys; None: nothing by itself.
        documentation: Address that the file begins with.
        bases: Options of the same group whose keys it takes over.
        brings: (group, option) of other groups that come with it.
        keys: Those of its own and those taken over.
    """

    name: str
    comment: str = ""
    part: Part | None = None
    documentation: str = ""
    bases: Sequence[str] = ()
    brings: Sequence[tuple[str, str]] = ()
    keys: Sequence[Key] = ()


@dataclass(frozen=True)
class Group:
    """A config group.

    Attributes:
        name: The folder's name.
        purpose: What it is for; empty: nobody says.
        options: Its files.
        default: The option that a study has unless it is told otherwise; None: the group is no choice of a study.
        is_searched: Whether a space may search it.
        is_delta: Whether its files only set keys that are explained elsewhere.
    """

    name: str
    purpose: str
    options: Sequence[Option]
    default: str | None = None
    is_searched: bool = False
    is_delta: bool = False


@dataclass(frozen=True)
class Catalogue:
    """All there is to choose and to set.

    Attributes:
        groups: In the order of the page.
        keys: Those of a study itself.
    """

    groups: Sequence[Group]
    keys: Sequence[Key]

    def counts(self) -> tuple[int, int, int]:
        """Groups, options, and keys (an inherited key counts for each option that has it)."""
        options = [option for group in self.groups for option in group.options]
        return len(self.groups), len(options), len(self.keys) + sum(len(option.keys) for option in options)


# --- Markdown ----------------------------------------------------------------------------------------------------


def as_prose(text: str) -> str:
    r"""Text such that Markdown shows it as it is; `code` stays code, addresses become links.

    Examples:
        >>> print(as_prose("a * b, `c * d` | see https://example.org/a_b."))
        a \* b, `c * d` \| see <https://example.org/a_b>.
    """
    pieces = re.split(rf"(`[^`]+`|{_URL})", text)
    return "".join(_piece(piece) for piece in pieces)


def _piece(text: str) -> str:
    if re.fullmatch(_URL, text):
        return f"<{text}>"
    if re.fullmatch("`[^`]+`", text):
        return text.replace("|", r"\|")  # a bar ends a table's cell even inside code
    return escaped(text)


def as_code(text: str) -> str:
    r"""Text as code, in a table's cell or outside.

    Examples:
        >>> print(as_code("${data.rows}"), as_code("a|b"))
        `${data.rows}` `a\|b`
    """
    return f"`{text}`".replace("|", r"\|")


def anchor(heading: str) -> str:
    """Where GitHub and most others let a link to a heading point.

    Examples:
        >>> anchor("early_stopping=off"), anchor("Keys of a study")
        ('early_stoppingoff', 'keys-of-a-study')
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _link(heading: str, text: str = "") -> str:
    return f"[{text or heading}](#{anchor(heading)})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


STUDY = "Keys of a study"


def as_markdown(catalogue: Catalogue, *, root: str) -> str:
    """The page, ending with a line break.

    Args:
        catalogue: What it shows.
        root: The project's root as seen from the page's folder, e.g. `..`.
    """
    groups = [block for group in catalogue.groups for block in _group(group, catalogue.groups, root)]
    blocks = [*_introduction(catalogue.groups), f"## {STUDY}", _keys(catalogue.keys), *groups]
    return "\n\n".join(blocks) + "\n"


def _introduction(groups: Sequence[Group]) -> list[str]:
    searched = ", ".join(_link(group.name) for group in groups if group.is_searched)
    return [
        "# Catalogue",
        "Every part that a configuration can choose and every key that it can set. `make catalogue` makes this page "
        "from the files in `conf/` and from the parts' own words; do not edit it.",
        "- Choose an option: `optimizer=sgd`. Set a key: `optimizer.lr=0.01`. A value that is not plain is quoted for "
        "the shell: `'model.widths=[64, 64]'`.\n"
        "- A default such as `${data.num_classes}` is the value of that other key.\n"
        "- Search a key: `'space.params.optimizer.lr=tag(log, interval(1e-4, 1e-1))'`. Search a group: "
        "`'space.params.optimizer=choice(adam, sgd)'`.\n"
        f"- The groups that a space may search: {searched or 'none'}. Other groups are the same for all trials of a "
        "study.",
        "## Contents",
        f"- {_link(STUDY)}: its budget, and how it runs",
        _table(
            ("group", "what it is for", "options", "by default"),
            (
                (_link(group.name), as_prose(group.purpose), str(len(group.options)), _default(group))
                for group in groups
            ),
        ),
    ]


def _default(group: Group) -> str:
    return "" if group.default is None else as_code(group.default)


def _group(group: Group, groups: Sequence[Group], root: str) -> list[str]:
    """A section: what the group is for, its options, and each of them."""
    head = [f"## {group.name}", *([f"{as_prose(_sentence(group.purpose))}"] if group.purpose else [])]
    if group.is_delta:
        about = _about(group, groups)
        return [*head, *([about] if about else []), "\n".join(_delta(option) for option in group.options)]
    names = ", ".join(_link(f"{group.name}={option.name}", option.name) for option in group.options)
    options = [block for option in group.options for block in _option(group.name, option, root)]
    return [*head, f"Options: {names}. {_about(group, groups)}".rstrip(), *options]


def _about(group: Group, groups: Sequence[Group]) -> str:
    """Which option is the default, who may search the group, and with whose options it comes."""
    bringers = [other.name for other in groups if not other.is_delta and group.name in _brought(other)]
    return " ".join(
        [
            *([f"By default: {as_code(group.default)}."] if group.default is not None else []),
            *(["A space may search it."] if group.is_searched else []),
            *([f"It comes with the choice of {', '.join(map(_link, bringers))}."] if bringers else []),
        ]
    )


def _brought(group: Group) -> set[str]:
    """The groups that its options bring along."""
    return {name for option in group.options for name, _ in option.brings}


def _sentence(text: str) -> str:
    """With a capital at its head and a full stop at its end."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _option(group: str, option: Option, root: str) -> list[str]:
    heads = [f"### {group}={option.name}"]
    lead = " ".join([*_built(option, root), *_related(group, option)])
    sources = [f"Source: {as_prose(source)}" for source in (option.part.sources if option.part else ())]
    comments = [as_prose(paragraph) for paragraph in option.comment.split("\n\n") if paragraph]
    keys = _keys(option.keys) if option.keys else "It has no keys."
    return [*heads, *([lead] if lead else []), *sources, *comments, keys]


def _built(option: Option, root: str) -> list[str]:
    """What an option builds, or what takes its keys, and where that is explained."""
    part, documented = option.part, [f"Documentation: <{option.documentation}>."] if option.documentation else []
    if part is None:
        return documented
    said = f": {as_prose(part.summary)}" if part.summary else "."
    if not part.is_built:
        return [f"Its keys go to {as_code(part.target)} ([{part.place}]({root}/{part.place})){said}", *documented]
    if not part.place:
        return [f"Builds {as_code(part.target)}."]
    if "://" in part.place:
        return [f"Builds [{as_code(part.target)}]({part.place})."]
    return [f"Builds {as_code(part.target)} ([{part.place}]({root}/{part.place})){said}"]


def _related(group: str, option: Option) -> list[str]:
    """What an option takes over from its own group, and what of others it brings."""
    bases = ", ".join(_link(f"{group}={name}") for name in option.bases)
    brought = ", ".join(_link(f"{other}={name}") for other, name in option.brings)
    return [
        *([f"As {bases}, but for the defaults in bold."] if bases else []),
        *([f"It brings {brought}."] if brought else []),
    ]


def _keys(keys: Iterable[Key]) -> str:
    rows = ((as_code(key.name), _value(key), as_prose(key.meaning)) for key in keys)
    return _table(("key", "default", "meaning"), rows)


def _value(key: Key) -> str:
    if key.inherited is None:
        return as_code(key.value)
    return f"**{as_code(key.value)}** instead of {as_code(key.inherited)}"


def _delta(option: Option) -> str:
    """An item of a list: what the file says of itself, what it chooses and what it sets."""
    comment = as_prose(" ".join(option.comment.split()))
    chosen = ", ".join(as_code(f"{group}={name}") for group, name in option.brings)
    like = ", ".join(as_code(name) for name in option.bases)
    changes = [
        *([f"  - as {like}"] if like else []),
        *([f"  - chooses {chosen}"] if chosen else []),
        *(f"  - {as_code(f'{key.name}={key.value}')}{_said(key.meaning)}" for key in option.keys if _says(key)),
    ]
    return "\n".join([f"- **{option.name}**{f': {comment}' if comment else ''}", *changes])


def _says(key: Key) -> bool:
    """Whether a delta changes anything by a key, or explains it: an empty mapping adds nothing."""
    return key.value != "{}" or key.meaning != ""


def _said(meaning: str) -> str:
    return f": {as_prose(meaning)}" if meaning else ""
