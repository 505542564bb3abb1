"""Examination of images: every file is listed and looked at, none is decoded; every decision stands in a card."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eksplora.counter import fingerprint
from eksplora.errors import ConfigError, DataError
from eksplora.images import seen
from eksplora.images.card import ImageOptions, ImagesCard, PixelRule, Task
from eksplora.images.list_file import read_list
from eksplora.images.listing import Entry, Listing, list_folder
from eksplora.images.seen import Seen
from eksplora.images.target import Targets, targets_of
from eksplora.images.warning import reading_note, warnings_of
from eksplora.records.target import summaries
from eksplora.untrusted import folder_name, why_no_file

RULES = 1
"""Raise it where the rules change: prepared forms of an earlier one are not this one's."""

MOST_SIDE = 64
"""Pixels of the longer side where the size is found: a training on processors takes minutes, not days."""

MOST_BYTES = 2**30
"""Bytes of all images as a training holds them, where the size is found; four a number."""

LEAST_SIDE = 16


@dataclass(frozen=True)
class Examined:
    """A folder or list with everything that is known of its files.

    Attributes:
        card: What was found and decided.
        folder: What the names of the files are relative to.
        entries: The files that can be used, as far as is known before they are decoded.
        files: Those files as they were looked at.
        all_files: All files, those that cannot be used among them.
        targets: Of the entries: classes (rows,) int64, or numbers (rows, targets) float64.
    """

    card: ImagesCard
    folder: Path
    entries: Sequence[Entry]
    files: Sequence[Seen]
    all_files: Sequence[Seen]
    targets: Targets


def examine(options: ImageOptions, *, root: Path | None = None) -> ImagesCard:
    """The card of a folder or list of images: a pure function of the files and the options.

    Args:
        options: What to read, and how.
        root: Folder of data, where it is remembered what each file holds, so that it is read again only once it has
            changed; None: nothing is remembered.

    Raises:
        ConfigError: If an option does not fit; the message names its key.
        DataError: If the files cannot be read or nothing can be learned from them.
        StorageError: If what is remembered cannot be written.
    """
    return examined(options, root=root).card


def examined(options: ImageOptions, *, root: Path | None = None) -> Examined:
    """The card with the files that it is of; see `examine`."""
    listing = _listing(options, Path(options.path))
    states = seen.states_of(listing.folder, [entry.name for entry in listing.entries])
    last = _last.get((options, root))
    if last is not None and (last[0], last[1].files) == (listing, states.files):
        return last[2]
    found = _examined(options, listing, states, root)
    _last[options, root] = listing, states, found
    return found


_last: dict[tuple[ImageOptions, Path | None], tuple[Listing, seen.States, Examined]] = {}
"""Examined in this process: a command asks several times, and what has changed is to be said each time."""


def _examined(options: ImageOptions, listing: Listing, states: seen.States, root: Path | None) -> Examined:
    memory = None if root is None else memory_of(Path(options.path), root)
    known = {} if memory is None else seen.recall(memory)
    files = seen.look(listing.folder, [entry.name for entry in listing.entries], states, known)
    if memory is not None and files != list(known.values()):
        seen.remember(memory, files)
    changes = seen.difference(_hashes(known.values()), _hashes(files)) if known else ""
    usable = [place for place, file in enumerate(files) if not file.problem]
    skipped = [(file.name, file.problem) for file in files if file.problem]
    check_skipped(skipped, len(files), options)
    entries, good = [listing.entries[place] for place in usable], [files[place] for place in usable]
    targets, classes = targets_of(options, listing, entries)
    rule = rule_of(options, good)
    card = _card(options, listing, rule, entries, targets, classes, files, skipped, changes)
    return Examined(card, listing.folder, entries, good, files, targets)


def memory_of(path: Path, root: Path) -> Path:
    """The file in which it is remembered what each file of a folder or list holds."""
    return root / "seen" / f"{name_of(path)}-{fingerprint(str(path.absolute()))[:8]}.csv"


def name_of(path: Path) -> str:
    """A name for folders, from that of a folder or list.

    Examples:
        >>> name_of(Path("My photos (2)/")), name_of(Path("birds.csv")), name_of(Path("..."))
        ('My_photos_2', 'birds', 'images')
    """
    return folder_name(path.stem if path.suffix.lower() == ".csv" else path.name, "images")


def check_skipped(skipped: Sequence[tuple[str, str]], total: int, options: ImageOptions) -> None:
    """Refuse a folder or list of which too many files cannot be used.

    Raises:
        DataError: Naming the first, with its reason.
    """
    if len(skipped) <= options.unreadable * total and len(skipped) < total:
        return
    name, reason = skipped[0]
    more = f" It is one of {len(skipped)} (of {total} files) that cannot be used." if len(skipped) > 1 else ""
    raise DataError(
        f"data.path: {name} {reason}.{more} Correct or remove them, or have up to a share of the files left out: "
        f"data.unreadable={min(99, -(-100 * len(skipped) // total)) / 100}."
    )


def rule_of(options: ImageOptions, files: Sequence[Seen]) -> PixelRule:
    """Rule by which images are read, from the options and the median size of the files.

    Where the size is found it is the median height and width, made smaller together until neither side is above
    `MOST_SIDE` pixels, and all images together take at most `MOST_BYTES` in a training; but no side is made smaller
    than `LEAST_SIDE` for that.
    """
    channels = options.channels or (1 if all(file.is_grey for file in files) else 3)
    if options.size is not None:
        height, width = options.size if isinstance(options.size, tuple) else (options.size, options.size)
        return PixelRule(height=height, width=width, channels=channels, fit=options.fit)
    high, wide = (float(np.median([getattr(file, side) for file in files])) for side in ("height", "width"))
    most = math.sqrt(MOST_BYTES / (4 * channels * len(files) * high * wide))
    scale = min(1.0, MOST_SIDE / max(high, wide), max(most, LEAST_SIDE / min(high, wide)))
    height, width = max(1, round(high * scale)), max(1, round(wide * scale))
    return PixelRule(height=height, width=width, channels=channels, fit=options.fit)


# --- what is listed ------------------------------------------------------------------------------------------------


def _listing(options: ImageOptions, path: Path) -> Listing:
    if path.is_dir():
        for key in ("file", "target", "part", "group"):
            if getattr(options, key) is not None:
                raise ConfigError(f"data.{key}: {path} is a folder, which has no columns. Drop data.{key}.")
        if options.task == "regression":
            raise ConfigError("data.task=regression: the folders of classes are no numbers. Give a list as CSV.")
        return list_folder(path)
    if not path.is_file():
        raise DataError(f"data.path: {path} {why_no_file(path)}. Give a folder with a folder per class, or a CSV file.")
    if path.suffix.lower() != ".csv":
        raise DataError(f"data.path: {path} is neither a folder nor a CSV file. Give one of them.")
    return read_list(options)


def _hashes(files: Iterable[Seen]) -> dict[str, str]:
    return {file.name: file.sha256 for file in files}


# --- the card --------------------------------------------------------------------------------------------------------


def _card(
    options: ImageOptions,
    listing: Listing,
    rule: PixelRule,
    entries: Sequence[Entry],
    targets: Targets,
    classes: tuple[str, ...] | None,
    files: Sequence[Seen],
    skipped: Sequence[tuple[str, str]],
    changes: str,
) -> ImagesCard:
    task: Task = "regression" if classes is None else "binary" if len(classes) == 2 else "classification"
    is_stratified = classes is not None
    split, test_rows = _split(options, entries, is_stratified)
    summary = summaries(listing.columns, targets, classes)
    path = Path(options.path)
    return ImagesCard(
        name=name_of(path),
        fingerprint=_fingerprint(options, listing.entries, files, rule),
        task=task,
        classes=classes,
        num_targets=None if classes is not None else len(listing.columns),
        input_shape=rule.shape,
        rule=rule,
        rows=len(entries),
        train_rows=len(entries) - test_rows,
        test_rows=test_rows,
        targets=summary,
        split=split,
        is_stratified=is_stratified,
        skipped=tuple(skipped),
        warnings=tuple(warnings_of(entries, summary, classes, skipped, test_rows)),
        notes=(*listing.notes, reading_note(options, rule, files)),
        changes=changes,
    )


def _fingerprint(options: ImageOptions, entries: Sequence[Entry], files: Sequence[Seen], rule: PixelRule) -> str:
    """Hash of all that decides the prepared form: contents, names, labels, options; not of where the files lie."""
    stated = [rule.shape, rule.fit, options.task, options.test_fraction, options.split_seed]
    named = zip(entries, files, strict=True)
    rows = [[entry.name, file.sha256, *entry.label, entry.part, entry.group] for entry, file in named]
    return fingerprint([RULES, *stated, rows])


def _split(options: ImageOptions, entries: Sequence[Entry], is_stratified: bool) -> tuple[str, int]:
    """Cut of the test part in words, and about how many images it has."""
    parts = Counter(entry.part for entry in entries)
    if parts["test"] or parts["train"]:
        if not (parts["test"] and parts["train"]):
            raise DataError(
                f"data.path: {options.path} has no {'train' if parts['test'] else 'test'} images. Add some."
            )
        return ("as the folders train and test" if Path(options.path).is_dir() else "as the list says"), parts["test"]
    words = ["seeded split", *(["each class in proportion"] if is_stratified else []), "near-duplicates together"]
    return ", ".join(words), round(options.test_fraction * len(entries))
