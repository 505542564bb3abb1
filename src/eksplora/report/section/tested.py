"""Section on the results on the test part."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.drawing.plot import classes, numbers
from eksplora.records.details import ClassCurves, ClassMeasures, Curve, DetailsRecord, Selective
from eksplora.records.evaluate import BiasVariance, EvaluationRecord
from eksplora.records.measure import Measure
from eksplora.records.results import Results
from eksplora.report.block import Beside, Block, Heading, Note, Plot, Points, Section, TableBlock, Tiles, between
from eksplora.report.number import counted, number

WORDS = {
    "f2": "f2 (recall counts more)",
    "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "auroc": "area under ROC",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root of mean squared error",
    "median_ae": "median absolute error",
    "mape": "mean absolute error, relative",
    "msle": "mean squared log error",
    "r2": "R²",
}
"""Names of measures where the key says too little."""

OF_CLASS = ("recall", "precision", "specificity", "f1", "auroc", "average_precision")


def section(facts: Results) -> Section:
    """Measures, and what they hide."""
    details = facts.test_part
    show = {"classes": _of_classes, "labels": _of_labels, "numbers": _of_numbers}[details.kind]
    shown = show(details)
    return Section(
        key="test",
        title="Test results",
        says=(
            f"The chosen configuration, trained on all rows of the training part, on {counted(details.rows, 'row')} "
            "that it had never seen. First every measure with its uncertainty, then what a single number hides."
        ),
        blocks=[
            *_notes(details.notes),
            measures(details.measures),
            *_beside(facts.tested),
            *_bias_variance(facts.tested.bias_variance, details),
            *shown,
        ],
    )


def _notes(sentences: Sequence[str]) -> list[Block]:
    """Notes for the reader; of many classes without rows each has a sentence."""
    return [Points(sentences)] if len(sentences) > 4 else [Note(sentence) for sentence in sentences]


def word(name: str) -> str:
    """A measure as it is called.

    Examples:
        >>> word("balanced_accuracy"), word("r2"), word("price/mae")
        ('balanced accuracy', 'R²', 'mean absolute error of price')
    """
    target, _, measure = name.rpartition("/")
    words = WORDS.get(measure, measure.replace("_", " "))
    return f"{words} of {target}" if target else words


def measures(found: Mapping[str, Measure]) -> TableBlock:
    """All measures, a line each."""
    return TableBlock(
        "Measures",
        [{"measure": word(name), **_with_intervals(one)} for name, one in found.items()],
        "The ensemble of the members is what is delivered. Its 95% interval is for new rows, trained on these: what "
        "other test rows and other members would change. A dash: not defined, or nothing is said of new rows, as "
        "of the largest error, of a median, of the calibration error, and of too few rows.",
        is_tall=False,
    )


def _beside(found: EvaluationRecord) -> list[Block]:
    """Plain baselines, fitted to the same rows."""
    if not found.baselines:
        return []
    rows = [{"baseline": one.name, found.metric: one.value, "verdict": one.versus.in_words} for one in found.baselines]
    return [
        TableBlock(
            "Beside plain baselines",
            rows,
            "Each was fitted once to all rows of the training part. The delivered model is compared with each row by "
            "row, all of them are judged together.",
        )
    ]


def _with_intervals(one: Measure) -> dict[str, Any]:
    """A measure in columns."""
    return {
        "ensemble": one.ensemble.mean,
        "95% interval for new rows": between(one.ensemble.low, one.ensemble.high),
        "mean over members": one.over_members.mean,
        "spread": one.over_members.std,
    }


def _bias_variance(found: BiasVariance | None, details: DetailsRecord) -> list[Block]:
    """Sources of the members' loss."""
    if details.members < 2:
        return [Note("Bias and variance need two members at least: with one they cannot be separated.")]
    if not found:
        return [Note("Bias and variance are not reported for several targets or labels at once.")]
    what = "error rate" if details.kind == "classes" else "squared error"
    return [
        Heading("Bias and variance"),
        Tiles(
            [
                (f"expected {what}", number(found.loss), "mean over members and rows"),
                ("bias", number(found.bias), "what all members have in common: more data or another model"),
                ("variance", number(found.variance), "what the seed decides: a larger ensemble takes it off"),
            ]
        ),
    ]


# --- classes -----------------------------------------------------------------------------------------------------


def _of_classes(details: DetailsRecord) -> list[Block]:
    return [
        Heading("Class by class"),
        _per_class(details.per_class),
        _recalls(details.per_class),
        _confusion(details),
        *_curves(details.curves),
        Beside([_calibration(details), _selective(details.curves.selective)]),
    ]


def _of_labels(details: DetailsRecord) -> list[Block]:
    return [
        Heading("Label by label"),
        _per_class(details.per_class, "label"),
        _recalls(details.per_class, "label"),
        *_curves(details.curves),
    ]


def _per_class(rows: Sequence[ClassMeasures], what: str = "class") -> TableBlock:
    return TableBlock(
        f"Measures of each {what}",
        [
            {
                what: row.name,
                "rows": row.rows,
                **{word(name): row.measures[name].ensemble.mean for name in OF_CLASS},
            }
            for row in rows
        ],
        f"Of the ensemble of the members. Recall: the share of a {what}'s rows that were found; precision: the share "
        "of the rows predicted as it that are right. A dash: not defined.",
    )


def _recalls(rows: Sequence[ClassMeasures], what: str = "class") -> TableBlock:
    """Recall of each class with its interval."""
    return TableBlock(
        f"Recall of each {what}",
        [{what: row.name, "rows": row.rows, **_with_intervals(row.measures["recall"])} for row in rows],
        "The same intervals as above.",
    )


def _confusion(details: DetailsRecord) -> Block:
    names, found = details.classes, details.confusion
    right = sum(row[place] for place, row in enumerate(found.counts))
    label = f"{right} of {details.rows} rows lie on the diagonal: they were predicted right"
    size = min(760, max(340, 120 + 30 * len(names)))
    plots = [
        Plot(
            f"confusion-{kind}",
            f"Confusion matrix: {title}",
            f"Confusion matrix of the ensemble of the members. {label}",
            classes.confusion(values, names, is_share=kind == "rates"),
            says,
            height=size,
        )
        for kind, title, values, says in (
            (
                "counts",
                "rows",
                found.counts,
                "A field holds how many rows of its line's class were predicted as its column's.",
            ),
            (
                "rates",
                "shares",
                found.rates,
                "The same as a share of the line: a small class shows as well as a large one.",
            ),
        )
    ]
    return Beside(plots) if len(names) <= classes.MOST_WRITTEN else Beside(plots[1:] + plots[:1])


def _curves(curves: ClassCurves) -> list[Block]:
    roc_curves = [one for one in curves.roc if one.x]
    precision_curves = [one for one in curves.precision_recall if one.x]
    if not roc_curves and not precision_curves:
        return [Note("There are no ROC and precision-recall curves: they need rows of a class and rows of others.")]
    few = len(classes.drawn(roc_curves)) < len(roc_curves)
    least = f" Only the {classes.MOST_CURVES} classes with the least area are drawn." if few else ""
    roc = Plot(
        "roc",
        "ROC",
        f"Receiver operating characteristic; area {_areas(roc_curves)}",
        classes.roc(roc_curves),
        f"Each point is a threshold; the nearer to the upper left corner, the better. Dotted: chance.{least}",
        height=400,
    )
    precision = Plot(
        "precision-recall",
        "Precision and recall",
        f"Precision against recall; average precision {_areas(precision_curves)}",
        classes.precision_recall(precision_curves),
        f"How many of the answers are right when more of the class is found. Most informative where it is rare.{least}",
        height=400,
    )
    return [Beside([roc, precision])]


def _areas(curves: Sequence[Curve]) -> str:
    return ", ".join(f"{one.name} {number(one.area)}" for one in classes.drawn(curves))


def _calibration(details: DetailsRecord) -> Block:
    error = details.measures["calibration_error"].ensemble.mean
    return Plot(
        "calibration",
        "Calibration",
        f"Share of right answers against confidence; expected calibration error {number(error)}",
        classes.calibration(details.curves.calibration),
        "Below the dotted line the model is surer than it is right. A large dot is a bin with many rows.",
        height=340,
    )


def _selective(curve: Selective) -> Block:
    ends = f"from {number(curve.accuracy[0])} of all rows to {number(curve.accuracy[-1])} of the surest"
    return Plot(
        "selective",
        "Selective accuracy",
        f"Accuracy against the share of rows that is answered: {ends}",
        classes.selective(curve),
        "If only the surest share of rows is answered and the rest is left to a person, so many answers are right.",
        height=340,
    )


# --- numbers -----------------------------------------------------------------------------------------------------


def _of_numbers(details: DetailsRecord) -> list[Block]:
    found = details.residuals
    rows = counted(len(found.residual), "row")
    return [
        Heading("Residuals"),
        Beside(
            [
                Plot(
                    "predicted",
                    "Prediction against target",
                    f"Predictions of {rows} against their targets",
                    numbers.predicted(found),
                    "On the dotted line a prediction is right.",
                ),
                Plot(
                    "residual-predicted",
                    "Residual against prediction",
                    f"Target minus prediction of {rows} against the prediction",
                    numbers.residual(found, found.predicted, "prediction"),
                    "A cloud around zero without a shape is good; a funnel says that errors grow with the prediction.",
                ),
                Plot(
                    "residual-actual",
                    "Residual against target",
                    f"Target minus prediction of {rows} against the target",
                    numbers.residual(found, found.actual, "target"),
                    "A rising cloud says that extreme targets are predicted too near to the middle.",
                ),
                Plot(
                    "quantiles",
                    "Residuals against a normal distribution",
                    "Ordered residuals against quantiles of the normal distribution",
                    numbers.quantiles(details.quantiles),
                    "On the line errors are as a bell curve has them; ends that leave it are rare, large errors.",
                ),
            ]
        ),
    ]
