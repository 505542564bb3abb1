"""`pipelines/search.py` with `pretended_work` in the place of trainings: starts in a second instead of five."""

import sys

from eksplora.build import compose_request, parse_space
from eksplora.command import gather_space, readable_errors


def main() -> None:
    from eksplora.stage._study import run_study

    request = compose_request("search", gather_space(sys.argv[1:]))
    space, study = parse_space(request.settings.space), request.settings.study
    run_study(request, name="study", space=space, num_trials=study.n_trials, work="pretended_work:run")


if __name__ == "__main__":
    with readable_errors("search"):
        main()
