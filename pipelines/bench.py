"""Measure speed, against bare PyTorch loops, and write docs/benchmarks.md."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.build import Request
from eksplora.command import pipeline


@pipeline("bench")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.bench import bench

    bench(request)


if __name__ == "__main__":
    main()
