"""Write the report of an experiment from what its stages handed on."""

import csv
from pathlib import Path

from eksplora.config import Request
from eksplora.config.schema import SearchConfig, is_function
from eksplora.console.work import Work, begin
from eksplora.errors import DataError, command_line
from eksplora.files import new_folder, write_file
from eksplora.installation import or_repro
from eksplora.provenance import command_like
from eksplora.records.audit import AuditRecord
from eksplora.records.confirm import ConfirmRecord, OfModel
from eksplora.records.details import DetailsRecord
from eksplora.records.evaluate import EvaluationRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.records.folder import output_of, read_record
from eksplora.records.results import Results
from eksplora.records.search import SearchRecord
from eksplora.records.shapes import drawn_from
from eksplora.report.listing import write_index
from eksplora.types import Command


def report(request: Request) -> None:
    """Write `<output>/report.html`, `report.md`, `tables/`, `plots/` and the index of all results; log them to MLflow.

    Raises:
        DataError: If a stage has not handed on what the page shows.
        StorageError: If a page cannot be written, or MLflow does not take it.
    """
    settings: SearchConfig = request.settings
    output = output_of(settings.output)
    facts = gather(output, settings.experiment, request.command, has_network=not is_function(request.config))
    begin(request.root, request.settings.experiment)
    with Work(f"report {settings.experiment}") as work:
        work.step("page and pictures")
        from eksplora.study.publication import publish  # only now: what is slow comes with it

        # What is drawn goes deeper into the facts than any list of their keys.
        again = command_line("confirm", experiment=settings.experiment)
        with drawn_from(output, f"Run its stages again, from {again} on{or_repro(' --force')}."):
            pages, beside = _drawn(facts)
        for kind in ("tables", "plots"):
            with new_folder(output / kind) as folder:
                for name, content in beside.items():
                    if name.startswith(f"{kind}/"):
                        (folder / Path(name).name).write_bytes(content)
        for name, text in pages.items():
            write_file(output / name, text)
        write_index(Path(settings.paths.results))
        work.step("MLflow")
        files = {name: text.encode() for name, text in pages.items()} | beside
        is_shown = publish(request.config, facts.confirmed, files, at=output)
    print((facts.evaluated or facts.confirmed).headline)
    print(f"  report   {output / 'report.html'}   (report.md, tables/ and plots/ beside it)")
    print(f"  all      {Path(settings.paths.results) / 'index.html'}")
    if not is_shown:
        print(f"  MLflow has none of it: the study {facts.confirmed.studies['final']} is not on this machine")


def _drawn(facts: Results) -> tuple[dict[str, str], dict[str, bytes]]:
    """The pages of a report, and the tables and pictures beside them, by their names."""
    from eksplora.drawing.still import stills
    from eksplora.report.document import document, sections
    from eksplora.report.markdown import page
    from eksplora.report.tables import tables

    pages = {"report.html": document(facts), "report.md": page(facts.confirmed.experiment, sections(facts))}
    return pages, {name: text.encode() for name, text in tables(facts).items()} | stills(facts)


def gather(output: Path, experiment: str, command: Command | None = None, *, has_network: bool = True) -> Results:
    """Records of the stages before; `explained` and `audited` are None where these stages were not run.

    Args:
        output: Folder of the experiment's results.
        experiment: The experiment.
        command: The command that writes the report.
        has_network: Whether the test part was opened for a network; a function of the user's own leaves none.

    Raises:
        DataError: If another stage has not handed on its part.
    """
    is_explained = has_network and (output / "explain").exists()
    found = Results(
        searched=read_record(output, SearchRecord, experiment=experiment),
        confirmed=read_record(output, ConfirmRecord, experiment=experiment),
        evaluated=read_record(output, EvaluationRecord, experiment=experiment) if has_network else None,
        details=read_record(output, DetailsRecord, experiment=experiment) if has_network else None,
        explained=read_record(output, ExplanationRecord, experiment=experiment) if is_explained else None,
        audited=read_record(output, AuditRecord, experiment=experiment) if (output / "audit").exists() else None,
        curves=_curves(output / "confirm" / "curves.csv", experiment),
        command=command,
    )
    check_of_one_model(found, output, experiment)
    return found


def check_of_one_model(found: Results, output: Path, experiment: str) -> None:
    """Refuse records of another model than that which was confirmed last.

    Raises:
        DataError: Naming the stage that is to be run again.
    """
    others: dict[str, OfModel | None] = {"evaluate": found.evaluated, "explain": found.explained}
    for stage, known in others.items():
        if known is not None and known.studies != found.confirmed.studies:
            raise DataError(
                f"{output / stage} is of another model than {output / 'confirm'}. Run the stage again: "
                f"{command_like(known.command, stage, experiment)}{or_repro()}."
            )


def _curves(path: Path, experiment: str) -> dict[str, list[float]]:
    """The columns of a table of numbers."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}
    except (OSError, ValueError, TypeError, csv.Error) as error:  # one that breaks off has no text for a number
        raise DataError(
            f"{path} cannot be read ({' '.join(str(error).split())}). Run the stage before: "
            f"{command_line('confirm', experiment=experiment)}{or_repro()}."
        ) from None
