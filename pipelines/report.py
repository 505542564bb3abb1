"""Write the report of an experiment from what its stages handed on."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("report")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.report import report

    report(request)


if __name__ == "__main__":
    main()
