"""A user's own images as a data set: read by the rules of `eksplora.images`, prepared as one array of pixels a part."""

import dataclasses
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.counter import derive
from eksplora.data._store import download_folder, writing
from eksplora.data.card import PreparedData, Rows
from eksplora.data.dataset import Dataset
from eksplora.errors import DataError, command_line
from eksplora.images import ImageOptions, ImagesCard, examine
from eksplora.images.card import pair_of
from eksplora.images.duplicates import linked, near_duplicates
from eksplora.images.examination import Examined, check_skipped, examined, name_of
from eksplora.images.pixels import decode_all
from eksplora.images.warning import skipped_note
from eksplora.splitting.rows import split_rows


class Images(Dataset):
    """A folder with a folder per class, or a list of images with what is to be predicted of each.

    Args:
        root: Folder of raw and prepared data.
        path: The folder, perhaps with `train/` and `test/` above the classes; or the list, a CSV file.
        fingerprint: Of the files' contents and of how they are read; None: found now.
        file: See `eksplora.images.ImageOptions`, as the others up to `split_seed`.
        target: See there; a list for several.
        part: See there.
        group: See there.
        task: See there.
        size: See there; a number, a list, or None.
        fit: See there.
        channels: See there.
        unreadable: See there.
        test_fraction: See there.
        split_seed: See there.
        shared: The other keys, see `Dataset`: `batch_size`, `scaling`, `target_scaling`, `input_shape`, `num_classes`,
            `num_targets`, `stratified`.

    Raises:
        ConfigError: A value is out of range; the message names its key.
        DataError: The fingerprint is to be found, and the files cannot be read.
    """

    source = "images of the user's own"
    licence = "the user's own"

    def __init__(
        self,
        *,
        root: str,
        path: str | None,
        fingerprint: str | None,
        file: str | None,
        target: str | Sequence[str] | None,
        part: str | None,
        group: str | None,
        task: str | None,
        size: int | Sequence[int] | None,
        fit: str,
        channels: int | None,
        unreadable: float,
        test_fraction: float,
        split_seed: int,
        **shared: Any,
    ) -> None:
        self.options = ImageOptions(
            path=path or "",
            file=file,
            target=pair_of(target),
            part=part,
            group=group,
            task=task,
            size=pair_of(size),
            fit=fit,
            channels=channels,
            unreadable=unreadable,
            test_fraction=test_fraction,
            split_seed=split_seed,
        )
        self.fingerprint = fingerprint or examine(self.options, root=Path(root)).fingerprint
        self.name = name_of(Path(self.options.path))  # type: ignore[misc]  # each has its own
        super().__init__(root=root, test_fraction=test_fraction, split_seed=split_seed, **shared)
        self.folder = self.root / "prepared" / f"{self.name}-{self.fingerprint[:12]}"
        self.split = {"method": "by the rules of images", "fingerprint": self.fingerprint}

    def examine(self) -> ImagesCard:
        """The card of the folder or list; a file is read again only once it has changed.

        Raises:
            UserError: As `eksplora.images.examine`.
        """
        return examine(self.options, root=self.root)

    def made(self) -> tuple[PreparedData, dict[str, Any]]:
        """Both parts as pixels, and how they were read.

        Raises:
            DataError: The files are not those that the configuration was made for, or too many cannot be used.
            StorageError: The disk is full.
        """
        found = examined(self.options, root=self.root)
        if found.card.fingerprint != self.fingerprint:
            raise DataError(
                f"data.path: {self.options.path} has changed since data.fingerprint was recorded. Leave "
                "data.fingerprint out for what it is now, or bring those files back."
            )
        try:
            found, pixels, skipped = self._decoded(found)
        except BaseException:
            shutil.rmtree(download_folder(self.folder), ignore_errors=True)  # what was decoded is of no use
            raise
        groups, notes = _groups(found, pixels)
        train, test = _parts(found, groups, self.options)
        card = found.card
        warnings = [*([skipped_note(skipped)] if skipped else []), *notes, *_shared(found, groups, train, test)]
        for sentence in warnings:
            print(f"{self.options.path}: {sentence}", file=sys.stderr)
        rows = Rows(pixels, found.targets, groups)
        facts = {
            "images": dataclasses.asdict(card.rule),
            **({} if card.classes is not None else {"target_names": [target.name for target in card.targets]}),
            "warnings": [*card.warnings, *(one for one in warnings if one not in card.warnings)],
            "notes": list(card.notes),
            "skipped": dict(skipped),
        }
        classes = None if card.classes is None else list(card.classes)
        return PreparedData(rows.take(train), rows.take(test), list(card.feature_names), classes), facts

    def _decoded(self, found: Examined) -> tuple[Examined, NDArray[np.uint8], list[tuple[str, str]]]:
        """The images that could be decoded, their pixels on disk, and every file that cannot be used, with its reason.

        Raises:
            DataError: These are too many, or no image of a class is left.
        """
        names = [entry.name for entry in found.entries]
        work = download_folder(self.folder)
        with writing(work):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            pixels, problems = decode_all(found.folder, names, found.card.rule, work / "pixels.npy")
        skipped = [*found.card.skipped, *((names[row], problem) for row, problem in problems.items())]
        check_skipped(skipped, len(found.all_files), self.options)
        if not problems:
            return found, pixels, skipped
        kept = np.setdiff1d(np.arange(len(names)), list(problems))
        for number, name in enumerate(found.card.classes or ()):
            if not (found.targets[kept] == number).any():
                raise DataError(f"data.path: no image of the class {name} can be used. Correct them, or remove it.")
        entries, files = [found.entries[row] for row in kept], [found.files[row] for row in kept]
        return (
            dataclasses.replace(found, entries=entries, files=files, targets=found.targets[kept]),
            pixels[kept],
            skipped,
        )

    def _way_out(self) -> str:
        return f"Run `{command_line('prepare', data='images', **{'data.path': self.options.path})}`."


def _groups(found: Examined, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64] | None, list[str]]:
    """A number for each image, the same for those that stay in one part, and sentences on near-duplicates.

    There are no numbers where every image stands alone.
    """
    alike = near_duplicates(pixels)
    notes = [alike.note] if alike.note else []
    sizes = Counter(alike.groups.tolist())
    many = [group for group, size in sizes.items() if size > 1]
    if many:
        first = np.flatnonzero(alike.groups == many[0])[:2]
        one, other = (found.entries[row].name for row in first)
        notes.append(
            f"{sum(sizes[group] for group in many)} images are near-duplicates of another, in {len(many)} groups "
            f"(such as {one} and {other}): a group stays in one part."
        )
        notes += _contradictions(found, alike.groups)
    firsts: dict[str, int] = {}
    stated = [(firsts.setdefault(entry.group, row), row) for row, entry in enumerate(found.entries) if entry.group]
    groups = linked(len(pixels), [*enumerate(alike.groups.tolist()), *stated])
    return None if len(np.unique(groups)) == len(groups) else groups, notes


def _contradictions(found: Examined, groups: NDArray[np.int64]) -> list[str]:
    """A sentence on near-duplicates of different classes."""
    if found.card.classes is None:
        return []
    other = np.flatnonzero(found.targets != found.targets[groups])
    if not len(other):
        return []
    name, first = found.entries[other[0]].name, found.entries[groups[other[0]]].name
    return [f"{len(other)} images have another class than an image that they are like (such as {name} and {first})."]


def _parts(
    found: Examined, groups: NDArray[np.int64] | None, options: ImageOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the training and the test part: as they are given, or drawn group by group, each class in proportion.

    Raises:
        ConfigError: The fraction leaves a side empty.
    """
    if any(entry.part for entry in found.entries):
        is_test = np.array([entry.part == "test" for entry in found.entries])
        return np.flatnonzero(~is_test), np.flatnonzero(is_test)
    seed, is_stratified = derive(options.split_seed, "test"), found.card.is_stratified
    key = "data.test_fraction"
    return split_rows(found.targets, options.test_fraction, seed, is_stratified, key=key, groups=groups)


def _shared(
    found: Examined, groups: NDArray[np.int64] | None, train: NDArray[np.int64], test: NDArray[np.int64]
) -> list[str]:
    """A sentence on near-duplicates, or groups, that are in both parts: where these are given they stay as they are."""
    if groups is None:
        return []
    both = np.intersect1d(groups[train], groups[test])
    if not len(both):
        return []
    one, other = (found.entries[rows[groups[rows] == both[0]][0]].name for rows in (train, test))
    return [
        f"{np.isin(groups[test], both).sum()} test images have a near-duplicate, or one of their group, in the "
        f"training part (such as {other} and {one}): the test result is too good. Remove them from one part."
    ]
