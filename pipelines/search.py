"""Search over configurations of an experiment; the same command goes on with an interrupted study."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("search")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.search import search

    search(request)


if __name__ == "__main__":
    main()
