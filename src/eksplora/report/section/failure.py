"""Section on errors: where the model fails, and where it does not."""

from collections.abc import Mapping, Sequence
from typing import Any

from eksplora.drawing.picture import picture
from eksplora.records.details import ConfusedPair, DetailsRecord, ExampleRow, Image
from eksplora.records.explain import ExplanationRecord
from eksplora.records.results import Results
from eksplora.report.block import Beside, Block, Gallery, Heading, Note, Picture, Section, TableBlock, code, percent
from eksplora.report.number import NONE, counted, share

Known = Mapping[int, ExampleRow]
Images = Mapping[str, Image]


def section(facts: Results) -> Section:
    """The worst and the best examples, and the classes that are confused."""
    details = facts.test_part
    shown = _of_classes(details, facts.explained) if details.kind == "classes" else _of_rows(details)
    return Section(
        key="failure",
        title="Where it fails",
        says=(
            "The test rows that went most wrong and most right. Errors that look alike say what is missing: more rows "
            "of that kind, another feature, or a label that is wrong."
        ),
        blocks=shown,
    )


def _of_rows(details: DetailsRecord) -> list[Block]:
    """Numbers, or labels of which a row may have several."""
    by_row = {row.row: row for row in details.rows_table}
    titles = {"Largest errors": details.examples.worst, "Smallest errors": details.examples.best}
    says = "Spread is the standard deviation of the members' predictions: a large one says that the model was unsure."
    line, says = (_label_row, "By the log-loss of all labels.") if details.kind == "labels" else (_number_row, says)
    return [
        TableBlock(title, [line(by_row[row]) for row in rows], says, is_tall=False)
        for title, rows in titles.items()
        if rows
    ]


def _label_row(row: ExampleRow) -> dict[str, Any]:
    return {"test row": code(str(row.row)), "labels": row.actual, "predicted labels": row.predicted}


def _number_row(row: ExampleRow) -> dict[str, Any]:
    return {
        "test row": code(str(row.row)),
        "target": row.actual,
        "prediction": row.predicted,
        "difference": row.difference,
        "spread": row.std,
    }


def _of_classes(details: DetailsRecord, explained: ExplanationRecord | None) -> list[Block]:
    known, images = _known(details, explained), details.images
    titles = {
        "Most confidently wrong": details.examples.worst,
        "Most confidently right": details.examples.best,
    }
    examples = [_examples(title, rows, known, images) for title, rows in titles.items() if rows]
    if not details.examples.worst:
        examples.insert(0, Note("No test row was predicted wrong."))
    return [*examples, *_confused(details.confused, images)]


def _known(details: DetailsRecord, explained: ExplanationRecord | None) -> dict[int, ExampleRow]:
    """Facts of the shown rows, by row number: target, prediction and confidence."""
    confused = {
        row: ExampleRow(row=row, actual=pair.actual, predicted=pair.predicted)
        for pair in details.confused
        for row in pair.rows
    }
    overlays = {
        one.row: ExampleRow(row=one.row, actual=one.actual, predicted=one.predicted, probability=one.probability)
        for one in (explained and explained.overlays) or ()
    }
    return confused | overlays | {one.row: one for one in details.rows_table}


def _examples(title: str, rows: Sequence[int], known: Known, images: Images) -> Block:
    says = "Each with its class, the predicted class and its probability, of the ensemble of the members."
    if images:
        return Gallery(title, [([_picture(row, known, images)], _lines(row, known)) for row in rows], says)
    return TableBlock(title, [_class_row(row, known) for row in rows], says, is_tall=False)


def _class_row(row: int, known: Known) -> dict[str, Any]:
    one = known.get(row) or ExampleRow(row=row, actual=NONE, predicted=NONE)
    return {
        "test row": code(str(row)),
        "actual": str(one.actual),
        "predicted": str(one.predicted),
        "probability": percent(one.probability),
    }


def _picture(row: int, known: Known, images: Images) -> Picture:
    said = ", ".join(_lines(row, known))
    return Picture(picture(images[str(row)]), f"Test row {row}: {said}" if said else f"Test row {row}")


def _lines(row: int, known: Known) -> list[str]:
    """Caption below an example."""
    one = known.get(row)
    if one is None:
        return [f"row {row}"]
    sure = f" ({share(round(one.probability, 4))})" if one.probability is not None else ""
    if one.actual == one.predicted:
        return [f"{one.actual}{sure}", f"row {row}"]
    return [f"actual {one.actual}", f"predicted {one.predicted}{sure}", f"row {row}"]


def _confused(pairs: Sequence[ConfusedPair], images: Images) -> list[Block]:
    """The classes that are confused most often."""
    if not pairs:
        return []
    rows = [
        {
            "actual": str(one.actual),
            "predicted": str(one.predicted),
            "rows": one.count,
            "share of the class": percent(one.share),
            "test rows": code(", ".join(map(str, one.rows))),
        }
        for one in pairs
    ]
    table = TableBlock(
        "Classes most often confused",
        rows,
        "How many rows of a class were predicted as another, the most confident first.",
        is_tall=False,
    )
    galleries = [Beside([_of_pair(one, images) for one in pairs])] if images else []
    return [Heading("Classes most confused"), table, *galleries]


def _of_pair(pair: ConfusedPair, images: Images) -> Gallery:
    title = f"{pair.actual} predicted as {pair.predicted}: {counted(pair.count, 'row')}"
    said = f"actual {pair.actual}, predicted {pair.predicted}"
    pictures = [([Picture(picture(images[str(row)]), f"Test row {row}: {said}")], [f"row {row}"]) for row in pair.rows]
    return Gallery(title, pictures)
