"""The folder of an experiment's results: where each record lies, and how it is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from eksplora.errors import ConfigError, command_line
from eksplora.installation import or_repro
from eksplora.records.audit import AuditRecord
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.evaluate import EvaluationRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.records.record import Record, from_json
from eksplora.records.search import SearchRecord
from eksplora.untrusted import read_plain, reading

T = TypeVar("T", bound=Record)

FILES: Mapping[type[Record], str] = {
    SearchRecord: "search/search.json",
    ConfirmRecord: "confirm/confirm.json",
    EvaluationRecord: "evaluate/evaluate.json",
    DetailsRecord: "evaluate/details.json",
    ExplanationRecord: "explain/explain.json",
    AuditRecord: "audit/audit.json",
}
"""Each kind of record with its file; the folder has the name of the stage that writes it."""


def output_of(output: str | None) -> Path:
    """The folder of the experiment's results, as the key `output` has it.

    Raises:
        ConfigError: If none is given.
    """
    if not output:
        raise ConfigError("output: has no value. Name the folder of the experiment's results.")
    return Path(output)


def read_record(output: Path, kind: type[T], *, experiment: str) -> T:
    """The record of a kind that an earlier stage handed on.

    Raises:
        DataError: If it has not handed it on; the message says which command does.
    """
    path, way_out = output / FILES[kind], _way_out(output, FILES[kind], experiment)
    return from_json(_content(path, way_out), kind, source=path, way_out=way_out)


def _way_out(output: Path, file: str, experiment: str) -> str:
    stage = file.partition("/")[0]
    target = {"output": output} if stage == "search" else {}
    return f"Run the stage before: {command_line(stage, experiment=experiment, **target)}{or_repro()}."


def _content(path: Path, way_out: str) -> bytes:
    with reading(path, way_out, missing=f"the stage {path.parent.name} has not ended"):
        return read_plain(path)
