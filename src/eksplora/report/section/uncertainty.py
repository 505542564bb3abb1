"""Section on how well the model's uncertainty matches its errors."""

from collections.abc import Sequence

from eksplora.drawing.plot.numbers import coverage
from eksplora.records.details import DetailsRecord, PredictionInterval
from eksplora.records.results import Results
from eksplora.report.block import Block, Note, Plot, Section, TableBlock, Tiles, percent, percents
from eksplora.report.number import number, share


def section(facts: Results) -> Section:
    """Intervals of numbers with what they cover, confidence of classes with what it is worth."""
    details = facts.test_part
    is_classes = details.kind == "classes"
    return Section(
        key="uncertainty",
        title="Uncertainty",
        says=_confidence_says() if is_classes else _interval_says(),
        blocks=_of_classes(details) if is_classes else _of_others(details),
    )


def _confidence_says() -> str:
    return (
        "Whether the model's confidence can be believed: a calibration error of 0.02 says that confidence and the "
        "share of right answers differ by two points in a hundred on average."
    )


def _interval_says() -> str:
    return (
        "Intervals around single predictions, and the share of test rows that lie inside. An interval is honest if it "
        "covers what it promises, and useful if it is narrow too."
    )


def _of_others(details: DetailsRecord) -> list[Block]:
    if details.kind == "labels":
        return [Note("Of several labels per row there are no intervals of predictions.")]
    return _of_numbers(details.intervals)


def _of_classes(details: DetailsRecord) -> list[Block]:
    one = details.measures["calibration_error"].ensemble
    tile = ("calibration error", number(one.mean), "of the ensemble of the members, 15 bins; 0 is best")
    blocks: list[Block] = [Tiles([tile])]
    if not details.agreements:
        return [
            *blocks,
            Note("Nothing else is measured: the model has no dropout to leave on, and no members to disagree."),
        ]
    table = TableBlock(
        "Two ways to be unsure",
        [
            {
                "by": found.name,
                "accuracy": found.accuracy,
                "calibration error": found.calibration_error,
                "log-loss": found.log_loss,
                "mutual information": found.mutual_information,
            }
            for found in details.agreements
        ],
        " ".join(
            [
                *(found.says for found in details.agreements),
                "Mutual information is what the members (or passes) disagree about, in nats; 0: they all say the same.",
            ]
        ),
    )
    return [*blocks, table]


def _of_numbers(intervals: Sequence[PredictionInterval]) -> list[Block]:
    if not intervals:
        return [Note("No intervals: they need several members, dropout, or a model that puts out quantiles.")]
    said = "; ".join(f"{one.name}: {share(one.coverage.mean)} of {share(one.level)}" for one in intervals)
    plot = Plot(
        "coverage",
        "Promised and measured coverage",
        f"Share of test rows inside the intervals. {said}",
        coverage(intervals),
        "Left of the diamond the intervals are too narrow: the model is surer than it may be.",
        height=150 + 44 * len(intervals),
    )
    table = TableBlock(
        "Intervals of predictions",
        [
            {
                "by": one.name,
                "promised": percent(one.level),
                "covered": percent(one.coverage.mean),
                "95% interval of that": percents(one.coverage.low, one.coverage.high),
                "mean width": one.width,
            }
            for one in intervals
        ],
        " ".join(one.says for one in intervals),
    )
    return [plot, table]
