"""Section on learning curves."""

import math
from collections.abc import Mapping, Sequence

from eksplora.drawing.plot import curve
from eksplora.records.results import Results
from eksplora.report.block import Beside, Block, Note, Plot, Section
from eksplora.report.number import number

Columns = dict[str, list[float]]


def section(facts: Results) -> Section:
    """Curves of training and validation, and the gap between them."""
    curves = finite(facts.curves)
    return Section(
        key="learning",
        title="Learning curves",
        says=(
            "The chosen configuration epoch by epoch, on training and on validation rows. Both get better together: it "
            "still learns; validation turns while training goes on: it overfits; both stay bad: "
            "it is too small or learns too slowly (underfitting)."
        ),
        blocks=_blocks(curves),
    )


def finite(curves: Mapping[str, Sequence[float]]) -> Columns:
    """The curves up to the last epoch in which all numbers are finite; spreads that are not defined are left out."""
    means = {name: list(values) for name, values in curves.items() if not name.endswith("_std")}
    length = min((_finite_length(values) for values in means.values()), default=0)
    spreads = {name: list(values) for name, values in curves.items() if name.endswith("_std")}
    kept = means | {name: values for name, values in spreads.items() if _finite_length(values) >= length}
    return {name: values[:length] for name, values in kept.items()}


def _finite_length(values: Sequence[float]) -> int:
    return next((place for place, value in enumerate(values) if not math.isfinite(value)), len(values))


def _blocks(curves: Columns) -> list[Block]:
    names = dict.fromkeys(
        name.partition("/")[2] for name in curves if name.startswith(("train/", "val/")) and not name.endswith("_std")
    )
    if not names or not curves.get("epoch"):
        return [Note("There are no curves: the training left none, or its numbers were not finite.")]
    has_band = any(name.endswith("_std") for name in curves)
    plots = [block for name in names for block in _of(curves, name)]
    alone = (
        [] if has_band else [Note("One member: the curves are its own, and there is no band of a spread over members.")]
    )
    return [*alone, Beside(plots)]


def _of(curves: Columns, name: str) -> list[Block]:
    """A quantity, and its gap where both parts have it."""
    ends = ", ".join(
        f"{curve.WORDS[split]} {number(curves[f'{split}/{name}'][-1])}"
        for split in curve.STYLES
        if f"{split}/{name}" in curves
    )
    band = (
        ", with one standard deviation over members"
        if any(f"{split}/{name}_std" in curves for split in curve.STYLES)
        else ""
    )
    scale = " Logarithmic scale." if curve.is_logarithmic(curves, name) else ""
    shown: list[Block] = [
        Plot(
            f"curve-{name}",
            name,
            f"{name} over epochs; at the end {ends}",
            curve.learning(curves, name),
            (f"Mean over members{band}." if band else "") + scale,
        )
    ]
    if not all(f"{split}/{name}" in curves for split in curve.STYLES):
        return shown
    values = curve.gaps(curves, name)
    says = "Validation minus training: a gap that moves away from zero is overfitting."
    says += "" if curve.gap_range(values) is None else " The first epochs lie off the scale."
    last = f"The gap at the end is {number(values[-1])}"
    return [*shown, Plot(f"gap-{name}", f"Gap of {name}", last, curve.gap(curves, name), says)]
