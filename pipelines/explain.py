"""Explain the confirmed model: what it looks at, and what it is made of."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("explain")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.explain import explain

    explain(request)


if __name__ == "__main__":
    main()
