"""The stage `report`: a page from what the stages before handed on."""

from eksplora.build import Request
from eksplora.report.experiment import page
from eksplora.schema import SearchConfig
from eksplora.stage._results import output_of, read_facts, write_file


def report(request: Request) -> None:
    """Write `<output>/report.md`.

    Raises:
        DataError: If a stage has not handed on what is told.
        StorageError: If the page cannot be written.
    """
    settings: SearchConfig = request.settings
    output = output_of(settings)
    facts = [read_facts(output, stage, experiment=settings.experiment) for stage in ("search", "confirm", "evaluate")]
    write_file(output / "report.md", page(*facts))
    print(f"{facts[2]['headline']}\n  report   {output / 'report.md'}")
