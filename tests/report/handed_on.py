"""Pages and pictures of facts that are dictionaries, as an earlier version handed them on: what tests change easily."""

import json
from typing import Any, TypeVar

from eksplora.drawing import still
from eksplora.records.audit import AuditRecord
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.evaluate import EvaluationRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.records.record import Record, from_json
from eksplora.records.results import Results
from eksplora.records.search import SearchRecord
from eksplora.report import command, markdown
from eksplora.report import document as of_html
from eksplora.report import tables as of_papers
from eksplora.report.block import Section

Facts = dict[str, Any]
T = TypeVar("T", bound=Record)


def record(kind: type[T], facts: Facts) -> T:
    """Facts as they are read back from the file of a stage."""
    return from_json(json.dumps(facts, default=vars), kind, source="a test", way_out="")


KINDS: dict[str, type[Record]] = {
    "searched": SearchRecord,
    "confirmed": ConfirmRecord,
    "evaluated": EvaluationRecord,
    "details": DetailsRecord,
    "explained": ExplanationRecord,
    "audited": AuditRecord,
}


def records(facts: Facts) -> Results:
    """What all stages handed on."""
    known: Any = {key: record(kind, facts[key]) for key, kind in KINDS.items() if facts.get(key) is not None}
    return Results(**{"explained": None, **known}, curves=facts["curves"], command=facts.get("command"))


def document(facts: Facts) -> str:
    return of_html.document(records(facts))


def sections(facts: Facts) -> list[Section]:
    return of_html.sections(records(facts))


def page(facts: Facts) -> str:
    return markdown.page(facts["confirmed"]["experiment"], sections(facts))


def tables(facts: Facts) -> dict[str, str]:
    return of_papers.tables(records(facts))


def commands(facts: Facts) -> list[tuple[str, str]]:
    return command.commands(records(facts))


def is_plain(facts: Facts) -> bool:
    return command.is_plain(records(facts))


def stills(facts: Facts) -> dict[str, bytes]:
    return still.stills(records(facts))


def picture_of_the_test_part(facts: Facts) -> Any:
    return still.tested(records(facts))
