"""Section on the inputs that the model uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.drawing.picture import overlay, picture
from eksplora.drawing.plot.embedding import beeswarm
from eksplora.drawing.plot.members import importance
from eksplora.installation import or_repro
from eksplora.provenance import command_like
from eksplora.records.explain import (
    ExplanationRecord,
    FeatureImportance,
    OverlayRecord,
    RankAgreement,
    Ranking,
    SingleRows,
)
from eksplora.records.results import Results
from eksplora.report.block import (
    Beside,
    Block,
    Gallery,
    Heading,
    Note,
    Picture,
    Plot,
    Section,
    TableBlock,
    between,
    percent,
)
from eksplora.report.number import NONE, counted, number, share

MOST_BARS = 15
"""Features whose bars are drawn; the table has all."""

METHODS = {
    "permutation": "Permutation importance",
    "shap": "SHAP values",
    "integrated_gradients": "Integrated gradients",
    "ablation": "Ablation by retraining",
}


def section(facts: Results) -> Section:
    """Features of tables by their importance, or images with the pixels that support the prediction."""
    explained = facts.explained
    return Section(
        key="attribution",
        title="What it looks at",
        says=(
            "What of the input moves the prediction, by several methods. It describes the model, not about the "
            "world: of two features that say the same, a model may use either."
        ),
        blocks=absent(facts) if explained is None else [*_notes(explained), *_shown(explained)],
    )


def absent(facts: Results) -> list[Block]:
    """Note on a model that was not explained; none of another."""
    if facts.explained is not None:
        return []
    command = command_like(facts.tested.command, "explain", facts.confirmed.experiment)
    return [Note(f"The model has not been explained yet: `{command}`{or_repro()}.")]


def _shown(explained: ExplanationRecord) -> list[Block]:
    return _features(explained) or _overlays(explained.overlays)


def _notes(explained: ExplanationRecord) -> list[Block]:
    return [Note(sentence) for sentence in explained.notes]


# --- tables ------------------------------------------------------------------------------------------------------


def _features(explained: ExplanationRecord) -> list[Block]:
    found = explained.features
    if not found:
        return []
    return [
        *_first(found.methods, explained.members),
        *(block for name, one in found.methods.items() for block in _method(name, one)),
        *_agreement(found.agreement),
        *_beeswarm(found.beeswarm, is_classes=explained.kind == "classes"),
    ]


def _first(methods: Mapping[str, Ranking], members: int) -> list[Block]:
    """The features that rank first, and whether other seeds agree."""
    if members < 2:
        return [Note("One member: no interval of an importance can be given, nor whether another seed would agree.")]
    rows = [
        {
            "method": title_of(name),
            "most important on average": one.rows[0].feature,
            "ranks first in": percent(one.rows[0].first),
        }
        for name, one in methods.items()
        if one.rows
    ]
    says = "In how many of the members the feature ranks first: at half of them, the order is an affair of the seed."
    return [TableBlock("Which feature comes first", rows, says, is_tall=False)]


def title_of(method: str) -> str:
    """A method as it is called."""
    return METHODS.get(method, method.replace("_", " "))


def _method(name: str, found: Ranking) -> list[Block]:
    """A method's bars and table."""
    rows, title = found.rows, title_of(name)
    top = rows[:MOST_BARS]
    said = ", ".join(f"{row.feature} {number(row.importance.mean)}" for row in top[:5])
    rest = f" The {MOST_BARS} most important of {len(rows)} are drawn." if len(rows) > MOST_BARS else ""
    plot = Plot(
        f"importance-{name}",
        title,
        f"{title}, largest first: {said}",
        importance(top),
        f"{found.says} Whiskers: 95% interval of the mean over members.{rest}",
        height=90 + 26 * len(top),
    )
    has_words = any(row.without for row in rows)
    table = TableBlock(f"{title} in numbers", [_row(row, has_words) for row in rows])
    blocks = [plot, table] if has_words else [Beside([plot, table])]  # a column of sentences needs the whole width
    return [Heading(title), *blocks]


def _row(row: FeatureImportance, has_words: bool) -> dict[str, Any]:
    shown = {
        "feature": row.feature,
        "mean": row.importance.mean,
        "95% interval": between(row.importance.low, row.importance.high),
        "ranks first in": percent(row.first),
        "mean rank": row.rank,
    }
    return shown | ({"without it": row.without.in_words if row.without else NONE} if has_words else {})


def _agreement(pairs: Sequence[RankAgreement]) -> list[Block]:
    if not pairs:
        return [Note("There is one method only, so none to agree with.")]
    rows = [{"method": title_of(one.a), "and": title_of(one.b), "rank correlation": one.spearman} for one in pairs]
    says = "Spearman's correlation of the mean importances: 1 is the same order, 0 none in common, a dash: not defined."
    return [Heading("Do the methods agree?"), TableBlock("Agreement between methods", rows, says, is_tall=False)]


OF_NUMBERS = (
    "Right of zero the feature raises this row's prediction, left of it lowers it. Vermilion on the right: the more of "
    "it, the higher the prediction."
)
OF_CLASSES = (
    "Right of zero the feature raises the score of the class that was predicted for this row (of a network with one "
    "output: of the second class). So rows of different classes explain different scores."
)


def _beeswarm(found: SingleRows | None, *, is_classes: bool) -> list[Block]:
    if not found or not found.feature:
        return [Note("There are no SHAP values of single rows.")]
    names = ", ".join(found.feature)
    return [
        Heading("Row by row"),
        Plot(
            "beeswarm",
            "SHAP values of single rows",
            f"SHAP values of {counted(len(found.shap[0]), 'row')}, for {names}",
            beeswarm(found),
            "A point is a row, the colour is the feature's own value. " + (OF_CLASSES if is_classes else OF_NUMBERS),
            height=120 + 44 * len(found.feature),
        ),
    ]


# --- images ------------------------------------------------------------------------------------------------------


def _overlays(overlays: Sequence[OverlayRecord] | None) -> list[Block]:
    if not overlays:
        return [Note("There are no overlays: no image was explained.")]
    window = overlays[0].occlusion_window
    return [
        Gallery(
            "Images, integrated gradients, occlusion",
            [(_views(one), _said(one)) for one in overlays],
            "Left the image, in the middle its integrated gradients (what each pixel adds), right how far the output "
            f"falls when a window of {window} x {window} pixels is covered. Vermilion supports the prediction, blue "
            "contradicts it.",
        )
    ]


def _views(one: OverlayRecord) -> list[Picture]:
    what = f"Test row {one.row}: {', '.join(_said(one))}"
    return [
        Picture(picture(one.image, scale=255.0), what),
        Picture(overlay(one.image, one.gradients), f"{what}: integrated gradients"),
        Picture(overlay(one.image, one.occlusion), f"{what}: occlusion"),
    ]


def _said(one: OverlayRecord) -> list[str]:
    sure = "" if one.probability is None else f" ({share(round(one.probability, 4))})"
    said = one.actual if one.actual == one.predicted else f"actual {one.actual}, predicted {one.predicted}"
    return [f"{said}{sure}", f"row {one.row}"]
