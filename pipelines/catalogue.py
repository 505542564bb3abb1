"""Write docs/catalogue.md: every part and key that a configuration may have."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("catalogue")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.catalogue import catalogue

    catalogue(request)


if __name__ == "__main__":
    main()
