"""Train a recorded run again and say whether it is bit-identical."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("reproduce")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.reproduce import reproduce

    reproduce(request)


if __name__ == "__main__":
    main()
