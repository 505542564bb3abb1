"""Measure speed against Keras, Lightning, Hydra's Optuna sweeper and Ray Tune, and write docs/benchmarks-peers.md."""

import eksplora.entrance  # noqa: F401  # first: from here on Ctrl-C ends in one line
from eksplora.build import Request
from eksplora.command import pipeline


@pipeline("bench_peers")
def main(request: Request) -> None:
    """Import what is slow only now that the configuration is known to be good."""
    from eksplora.stage.bench_peers import bench_peers

    bench_peers(request)


if __name__ == "__main__":
    main()
