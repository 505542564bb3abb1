"""Compute the tables of the explorations again from MLflow's runs, and compare."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("paper_check")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.paper_check import paper_check

    paper_check(request)


if __name__ == "__main__":
    main()
