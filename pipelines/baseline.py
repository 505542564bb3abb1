"""Fit plain baselines beside an experiment's networks: the majority or mean predictor, and scikit-learn's networks."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("baseline")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.baseline import baseline

    baseline(request)


if __name__ == "__main__":
    main()
