"""Confirm what a search found: the best configurations on fresh seeds, then the chosen one on all training rows."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("confirm")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.confirm import confirm

    confirm(request)


if __name__ == "__main__":
    main()
