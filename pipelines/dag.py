"""Write dvc.yaml: the stages of every experiment and what they depend on."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.cli.command import pipeline
from eksplora.config import Request


@pipeline("dag")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.dag import dag

    dag(request)


if __name__ == "__main__":
    main()
