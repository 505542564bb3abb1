"""Options of reading images, and the card of what was found and decided: plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eksplora.errors import ConfigError
from eksplora.ranges import check_choice, check_count, check_fraction, check_number, check_seed, refusal
from eksplora.records.target import TargetSummary

Task = Literal["regression", "binary", "classification"]

FITS = ("crop", "pad", "stretch")
TASKS = ("regression", "binary", "classification")


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """A folder or a list, how its images are read, and how they are cut: what their prepared form depends on.

    Attributes:
        path: A folder with a folder per class, or a CSV file with a column of files.
        file: The list's column of files; None: found.
        target: The list's column to predict, or several; None: found.
        part: The list's column that says which rows are test rows; None: one called `part` or `split`, if there is one.
        group: The list's column whose rows of one value stay in one part; None: there is none.
        task: `regression`, `binary` or `classification`; None: as the values of the list say.
        size: Pixels of a side, or [height, width]; None: found.
        fit: How an image of another shape becomes one of this size: `crop` its middle, `pad` it, or `stretch` it.
        channels: 3 for colours, 1 for grey; None: as the files are.
        unreadable: Largest share of the files, in [0, 1), that may be damaged: they are left out.
        test_fraction: Share of the images in the test part, unless the folder or the list says which these are.
        split_seed: Decides which images are test images.

    Raises:
        ConfigError: A value is out of range; the message names its key.
    """

    path: str
    file: str | None = None
    target: str | tuple[str, ...] | None = None
    part: str | None = None
    group: str | None = None
    task: str | None = None
    size: int | tuple[int, int] | None = None
    fit: str = "crop"
    channels: int | None = None
    unreadable: float = 0.01
    test_fraction: float = 0.2
    split_seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise ConfigError(
                "data.path: has no value. Give a folder with a folder per class, or a list: data.path=photos."
            )
        if self.task is not None:
            check_choice(self.task, "data.task", TASKS)
        check_choice(self.fit, "data.fit", FITS)
        if self.channels not in (None, 1, 3) or isinstance(self.channels, bool):
            raise ConfigError(refusal("data.channels", "1 (grey), 3 (colours) or null", self.channels, 3))
        for side in self.size if isinstance(self.size, tuple) else [self.size]:
            if side is not None:
                check_count(side, "data.size", usual=64)
        if isinstance(self.size, tuple) and len(self.size) != 2:
            raise ConfigError(refusal("data.size", "a side or [height, width]", list(self.size), [64, 64]))
        check_number(self.unreadable, "data.unreadable", usual=0.01, least=0, below=1)
        check_fraction(self.test_fraction, "data.test_fraction", usual=0.2)
        check_seed(self.split_seed, "data.split_seed")

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns to predict that were named."""
        return () if self.target is None else (self.target,) if isinstance(self.target, str) else tuple(self.target)


def pair_of(size: object) -> Any:
    """A size as a configuration has it, for `ImageOptions`: a list becomes a tuple."""
    return tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else size


@dataclass(frozen=True, kw_only=True)
class PixelRule:
    """Rule by which any image becomes the pixels that a network sees; a model's card has it, for later images.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 or 3.
        fit: `crop`, `pad` or `stretch`.
    """

    height: int
    width: int
    channels: int
    fit: str

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or self.channels not in (1, 3) or self.fit not in FITS:
            raise ValueError("images: no such size, channels or fit")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width


@dataclass(frozen=True, kw_only=True)
class ImagesCard:
    """Everything that was found in a folder or list of images and decided about it.

    Attributes:
        name: Of the data: the folder's or list's own name.
        fingerprint: Of the files' contents and the options; another one is another data set.
        task: As the classes or numbers say.
        classes: Their names, sorted; None for numbers.
        num_targets: Numbers per image; None for classes.
        input_shape: (channels, height, width).
        rule: How images are read.
        rows: Images that can be read, as far as is known before they are decoded.
        train_rows: Of them in the training part, about.
        test_rows: Of them in the test part, about.
        targets: A summary of each target.
        split: How the test part is cut, in words.
        is_stratified: Whether it is cut class by class.
        skipped: Files that cannot be read, each with the reason.
        warnings: One sentence each.
        notes: How the files were read, one sentence each.
        changes: How the files differ from the last time that they were looked at, in words; empty where they do not.
    """

    name: str
    fingerprint: str
    task: Task
    classes: tuple[str, ...] | None
    num_targets: int | None
    input_shape: tuple[int, int, int]
    rule: PixelRule
    rows: int
    train_rows: int
    test_rows: int
    targets: tuple[TargetSummary, ...]
    split: str
    is_stratified: bool
    skipped: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    changes: str
    feature_names: tuple[str, ...] = ("pixel",)
    codes: tuple[tuple[int, int], ...] = ()

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for numbers."""
        return None if self.classes is None else len(self.classes)
