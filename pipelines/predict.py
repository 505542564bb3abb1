"""Predict with a confirmed model: a table, arrays or images in, predictions with their uncertainty out."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("predict")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.predict import predict

    predict(request)


if __name__ == "__main__":
    main()
