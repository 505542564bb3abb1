"""Compute the tables of the explorations again from MLflow's runs, and compare."""

from pathlib import Path

from eksplora.config import Request
from eksplora.config.schema import PaperCheckConfig
from eksplora.errors import DataError, command_line
from eksplora.exploration.verification import check, claims_of, compare
from eksplora.study.setup import tracker_of


def paper_check(request: Request) -> None:
    """Compute all tables again from MLflow, and compare them with those that are there, letter by letter.

    Raises:
        DataError: If there are no tables, or a run behind one is gone.
        EksploraError: If a number does not follow from the runs behind it; the message has the first.
    """
    settings: PaperCheckConfig = request.settings
    output = Path(settings.output)
    found = sorted(output.glob("*/explore.json"))
    if not found:
        one = command_line("explore", exploration="boston_mlp", budget="smoke")
        raise DataError(f"{output} holds no exploration. Run one: {one}.")
    tracker = tracker_of(request.config)
    with tracker.lookup() as lookup:
        for path in found:
            check(path, lookup)
    compare(output / "claims.md", claims_of(found))
