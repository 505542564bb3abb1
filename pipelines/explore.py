"""Run a reference exploration: its one-factor studies over several members, and the verdicts on its claims."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("explore")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.explore import explore

    explore(request)


if __name__ == "__main__":
    main()
