"""Explain the confirmed model: what it looks at, and what it is made of."""

from eksplora.build import Request
from eksplora.command import pipeline


@pipeline("explain")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.explain import explain

    explain(request)


if __name__ == "__main__":
    main()
