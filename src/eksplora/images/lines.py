"""A card of images as lines of text."""

from eksplora.images.card import ImagesCard
from eksplora.images.listing import some


def lines_of(card: ImagesCard) -> list[str]:
    """All of a card: what is predicted, how images are read, what is to be known before a result is believed."""
    channels, height, width = card.input_shape
    return [
        f"{card.name}: {card.rows} images ({card.fingerprint[:12]})",
        f"  task      {_task(card)}",
        f"  test part about {card.test_rows} images, {card.split}; {card.train_rows} to learn from and to validate on",
        f"  network   {channels}x{height}x{width} pixels",
        *([f"  changed   {card.changes}, since they were last looked at"] if card.changes else []),
        "",
        *(f"note: {text}" for text in card.notes),
        *(f"warning: {text}" for text in card.warnings),
    ]


def _task(card: ImagesCard) -> str:
    if card.classes is None:
        ranges = [f"{target.name} ({target.low:g} to {target.high:g})" for target in card.targets]
        return f"{card.task} of {some(ranges)}"
    counts = [f"{name}: {count}" for name, count in zip(card.classes, card.targets[0].counts, strict=True)]
    return f"{card.task} ({some(counts)})"
