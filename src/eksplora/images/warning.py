"""Sentences on what was found in a folder or list of images: what is left out, what is too few, how it is read."""

from collections import Counter
from collections.abc import Sequence

from eksplora.images.card import ImageOptions, PixelRule
from eksplora.images.listing import Entry, some
from eksplora.images.seen import Seen
from eksplora.records.target import TargetSummary

FEW_IMAGES = 10
"""Images of a class below which little can be said of it."""

FEW_TESTS = 50
"""Images of a test part below which its result has a wide interval."""


def warnings_of(
    entries: Sequence[Entry],
    summaries: Sequence[TargetSummary],
    classes: Sequence[str] | None,
    skipped: Sequence[tuple[str, str]],
    test_rows: int,
) -> list[str]:
    """Everything that makes a result worth less, a sentence each."""
    found = [skipped_note(skipped)] if skipped else []
    if classes is not None:
        few = [
            f"{name} {count}" for name, count in zip(classes, summaries[0].counts, strict=True) if count < FEW_IMAGES
        ]
        if few:
            found.append(f"{len(few)} of {len(classes)} classes have fewer than {FEW_IMAGES} images ({some(few)}).")
    if test_rows < FEW_TESTS:
        found.append(f"The test part has about {test_rows} images of {len(entries)}: its result has a wide interval.")
    return found


def skipped_note(skipped: Sequence[tuple[str, str]]) -> str:
    """Files that are left out and the reasons, in a sentence."""
    name, reason = skipped[0]
    rest = f" Others: {some([other for other, _ in skipped[1:]])}." if len(skipped) > 1 else ""
    is_or_are = "file is" if len(skipped) == 1 else "files are"
    return f"{len(skipped)} {is_or_are} left out: {name} {reason}.{rest}"


def reading_note(options: ImageOptions, rule: PixelRule, files: Sequence[Seen]) -> str:
    """Resizing of images, in a sentence."""
    sizes = Counter((file.height, file.width) for file in files if not file.problem)
    colours = "grey" if rule.channels == 1 else "in colours"
    if len(sizes) == 1 and (rule.height, rule.width) in sizes:
        return f"Images are {rule.height}x{rule.width} pixels, {colours}."
    (high, wide), (low, narrow) = (
        (reach(height for height, _ in sizes), reach(width for _, width in sizes)) for reach in (max, min)
    )
    why = "" if options.size is not None else ", from the median size"
    how = {"crop": "the middle is cut out", "pad": "black is added", "stretch": "sides are stretched"}[rule.fit]
    return (
        f"Images of {low}x{narrow} to {high}x{wide} pixels become {rule.height}x{rule.width}{why}, {colours}; "
        f"where the shape is another, {how} (data.fit={rule.fit})."
    )
