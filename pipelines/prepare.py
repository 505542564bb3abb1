"""Prepare a data set: arrays, card, hashes."""

from eksplora.build import Request
from eksplora.command import pipeline


@pipeline("prepare")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.prepare import prepare

    prepare(request)


if __name__ == "__main__":
    main()
