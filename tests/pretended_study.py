"""`pipelines/search.py` with `pretended_work` in the place of trainings, and without plots."""

import sys
from pathlib import Path
from types import SimpleNamespace

from eksplora.cli.errors import readable_errors
from eksplora.config import compose_request, gather_space, parse_space
from eksplora.launch.streams import outlast_terminal


def main() -> None:
    from eksplora.stage.spec import spec_of
    from eksplora.study.run import run_study

    request = compose_request("search", gather_space(sys.argv[1:]))
    space, num_trials = parse_space(request.settings.space), request.settings.study.n_trials
    results = Path("results").joinpath
    sys.modules["eksplora.search.plots"] = SimpleNamespace(pages=lambda facts: ())  # type: ignore[assignment]
    run_study(spec_of(request, "study", space, num_trials, work="pretended_work:run", results=results, judges="first"))


if __name__ == "__main__":
    outlast_terminal()
    with readable_errors("search"):
        main()
