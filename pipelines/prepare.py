"""Prepare a data set: arrays, card, hashes."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("prepare")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.prepare import prepare

    prepare(request)


if __name__ == "__main__":
    main()
