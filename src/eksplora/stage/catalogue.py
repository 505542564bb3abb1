"""Write docs/catalogue.md: every part and key that a configuration may have."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath

from eksplora.config import Request
from eksplora.config.configurator import SEARCHED_GROUPS
from eksplora.config.schema import CatalogueConfig
from eksplora.errors import StorageError, reason_of
from eksplora.installation import CONF
from eksplora.report.catalogue import Catalogue, Group, Key, Option, Part, as_markdown
from eksplora.stage import _commented
from eksplora.stage._commented import Commented, Default
from eksplora.stage._docstring import words

PAGE = "docs/catalogue.md"
"""The page that the project keeps."""

HOLDERS = {
    "augmentation": "eksplora.augmentation.Augmentation",
    "clipping": "eksplora.training.clipping.Clipping",
    "dropout": "eksplora.model.dropout.dropouts",
    "early_stopping": "eksplora.training.recipe.EarlyStopping",
    "imbalance": "eksplora.imbalance.Imbalance",
    "regularization": "eksplora.training.regularization.Regularization",
}
"""What takes the keys of a group whose files have no `_target_`, and explains them."""

DATA = ("exploration",)
"""Groups whose files are data rather than settings: they are named on the page, their keys are not."""

_URL = re.compile(r"https?://\S*[^\s.,;:)]")


def catalogue(request: Request) -> None:
    """Write the page to `output`, and say how much it shows.

    Raises:
        StorageError: If `output` cannot be written.
    """
    settings: CatalogueConfig = request.settings
    output, found = Path(settings.output), collect(CONF.parent)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page(found, CONF.parent, output), encoding="utf-8")
    except OSError as error:
        way_out = f"Give a file that can be written, e.g. output={PAGE}."
        raise StorageError(f"output: {output} cannot be written ({reason_of(error)}). {way_out}") from error
    groups, options, keys = found.counts()
    print(f"{output}: {groups} groups, {options} options, {keys} keys")


def page(found: Catalogue, root: Path, output: Path) -> str:
    """The text of the page, with links that hold from where it will lie."""
    way = os.path.relpath(root.resolve(), output.resolve().parent)
    return as_markdown(found, root=PurePath(way).as_posix())


def collect(root: Path) -> Catalogue:
    """All groups of a project: those of the defaults list of `conf/search.yaml` in its order, then the others."""
    study = _commented.read((root / "conf/search.yaml").read_text(encoding="utf-8"))
    chosen = {default.group: default for default in study.defaults if default.group}
    folders = {folder.name for folder in (root / "conf").iterdir() if any(folder.glob("*.yaml"))}
    names = [*(name for name in chosen if name in folders), *sorted(folders - chosen.keys())]
    keys = [Key(entry.name, entry.value, entry.comment) for entry in study.entries]
    return Catalogue([_group(root, name, chosen.get(name)) for name in names], keys)


def _group(root: Path, name: str, default: Default | None) -> Group:
    files = {
        file.stem: _commented.read(file.read_text(encoding="utf-8"))
        for file in sorted((root / "conf" / name).glob("*.yaml"))
    }
    return Group(
        name,
        purpose=default.comment if default else "",
        options=[_option(root, name, stem, files) for stem in files],
        default=default.option if default else None,
        is_searched=name in SEARCHED_GROUPS,
        is_delta=name == "space" or all(file.package == "_global_" for file in files.values()),
    )


def _option(root: Path, group: str, name: str, files: Mapping[str, Commented]) -> Option:
    file, entries = files[name], _entries(name, files)
    address, comment = _head(file)
    prefix = {"": f"{group}.", "_global_": ""}.get(file.package, f"{file.package}.")
    target = entries.pop("_target_", None)
    shown = () if group in DATA else entries.values()
    return Option(
        name,
        comment=comment,
        part=_part(root, target.value, address) if target else _holder(root, group),
        documentation=address,
        bases=[default.option for default in file.defaults if _is_base(default, files)],
        brings=[(default.group, default.option) for default in file.defaults if default.group],
        keys=[replace(key, name=f"{prefix}{key.name}") for key in shown if not key.name.startswith("_")],
    )


def _head(file: Commented) -> tuple[str, str]:
    """The address in a file's first line, and what else is said before the keys, its paragraphs joined."""
    first, rest = (file.head[0], file.head[1:]) if file.head else ("", [])
    found = _URL.search(first)
    lines = rest if found and found[0] == first else file.head
    comment = "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in "\n".join(lines).split("\n\n"))
    return found[0] if found else "", comment


def _part(root: Path, target: str, address: str) -> Part:
    """What is built: ours in its own words, a third party's with its documentation."""
    if not target.startswith("eksplora."):
        return Part(target, address)
    said = words(root / "src/eksplora", target)
    return (
        Part(target, said.file.relative_to(root).as_posix(), said.summary, said.sources) if said else Part(target, "")
    )


def _holder(root: Path, group: str) -> Part | None:
    """What takes the keys of a group that builds nothing by itself."""
    said = words(root / "src/eksplora", HOLDERS[group]) if group in HOLDERS else None
    if said is None:
        return None
    return Part(HOLDERS[group], said.file.relative_to(root).as_posix(), said.summary, said.sources, is_built=False)


def _is_base(default: Default, files: Mapping[str, Commented]) -> bool:
    return not default.group and default.option in files


def _entries(name: str, files: Mapping[str, Commented]) -> dict[str, Key]:
    """The keys of an option, underscored ones too: as Hydra merges them, later ones over earlier ones."""
    file, keys = files[name], dict[str, Key]()
    own = {entry.name: Key(entry.name, entry.value, entry.comment) for entry in file.entries}
    order = [default.option for default in file.defaults if default.option == "_self_" or _is_base(default, files)]
    for option in order if "_self_" in order else [*order, "_self_"]:
        keys = _merged(keys, own if option == "_self_" else _entries(option, files))
    return keys


def _merged(below: Mapping[str, Key], above: Mapping[str, Key]) -> dict[str, Key]:
    """Keys over others: a changed one says from what, one without a comment keeps the one below it."""
    merged = {name: replace(key, inherited=None) for name, key in below.items()}
    for name, key in above.items():
        known = below.get(name, key)
        changed = known.value if known.value != key.value else None
        merged[name] = Key(name, key.value, key.meaning or known.meaning, changed)
    return merged
