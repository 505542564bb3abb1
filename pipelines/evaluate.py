"""Open the test part for the confirmed model, once."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.build import Request
from eksplora.command import pipeline


@pipeline("evaluate")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.evaluate import evaluate

    evaluate(request)


if __name__ == "__main__":
    main()
