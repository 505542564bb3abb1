"""Write the report of an experiment from what its stages handed on."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eksplora.config import Request
from eksplora.config.schema import SearchConfig
from eksplora.console.work import Work, begin
from eksplora.errors import DataError, command_line
from eksplora.files import new_folder, write_file
from eksplora.installation import or_repro
from eksplora.provenance import command_like
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.folder import output_of, read_facts, read_record
from eksplora.records.search import SearchRecord
from eksplora.records.shapes import drawn_from
from eksplora.report.command import command_in
from eksplora.report.listing import write_index


def report(request: Request) -> None:
    """Write `<output>/report.html`, `report.md`, `tables/`, `plots/` and the index of all results; log them to MLflow.

    Raises:
        DataError: If a stage has not handed on what the page shows.
        StorageError: If a page cannot be written, or MLflow does not take it.
    """
    settings: SearchConfig = request.settings
    output = output_of(settings.output)
    facts = gather(output, settings.experiment) | {"command": request.command}
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
        is_shown = publish(request.config, facts["confirmed"], files, at=output)
    print(facts["evaluated"]["headline"])
    print(f"  report   {output / 'report.html'}   (report.md, tables/ and plots/ beside it)")
    print(f"  all      {Path(settings.paths.results) / 'index.html'}")
    if not is_shown:
        print(f"  MLflow has none of it: the study {facts['confirmed'].studies['final']} is not on this machine")


def _drawn(facts: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, bytes]]:
    """The pages of a report, and the tables and pictures beside them, by their names."""
    from eksplora.drawing.still import stills
    from eksplora.report.document import document, sections
    from eksplora.report.markdown import page
    from eksplora.report.tables import tables

    pages = {"report.html": document(facts), "report.md": page(facts["confirmed"].experiment, sections(facts))}
    return pages, {name: text.encode() for name, text in tables(facts).items()} | stills(facts)


def gather(output: Path, experiment: str) -> dict[str, Any]:
    """Records of the stages before; `explained` is None where that stage was not run.

    Raises:
        DataError: If another stage has not handed on its part.
    """
    facts: dict[str, Any] = {"searched": read_record(output, SearchRecord, experiment=experiment)}
    facts["confirmed"] = read_record(output, ConfirmRecord, experiment=experiment)
    facts["evaluated"] = read_facts(output, "evaluate", experiment=experiment)
    facts["details"] = read_facts(output, "evaluate", experiment=experiment, name="details")
    is_explained = (output / "explain").exists()
    facts["explained"] = read_facts(output, "explain", experiment=experiment) if is_explained else None
    check_of_one_model(facts, output, experiment)
    return facts | {"curves": _curves(output / "confirm" / "curves.csv", experiment)}


def check_of_one_model(facts: Mapping[str, Any], output: Path, experiment: str) -> None:
    """Refuse what was found of another model than that which was confirmed last.

    Raises:
        DataError: Naming the stage that is to be run again.
    """
    studies = facts["confirmed"].studies
    for name, stage in (("evaluated", "evaluate"), ("explained", "explain")):
        known = facts[name]
        if known is not None and known.get("studies") != studies:
            raise DataError(
                f"{output / stage} is of another model than {output / 'confirm'}. Run the stage again: "
                f"{command_like(command_in(known), stage, experiment)}{or_repro()}."
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
