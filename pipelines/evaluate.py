"""Open the test part for the confirmed model, once."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("evaluate")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.evaluate import evaluate

    evaluate(request)


if __name__ == "__main__":
    main()
