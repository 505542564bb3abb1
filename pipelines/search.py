"""Search over configurations of an experiment; the same command goes on with an interrupted study."""

import hydra
from omegaconf import DictConfig

from eksplora import build, command


@hydra.main(version_base="1.3", config_path="../conf", config_name="search")
def main(config: DictConfig) -> None:
    """Check the configuration, then import what is slow."""
    request = build.request("search", config)
    from eksplora.stage.search import search

    search(request)


if __name__ == "__main__":
    command.execute(main)
