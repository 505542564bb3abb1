"""Fill MLflow from the spools of all studies."""

import hydra
from omegaconf import DictConfig

from eksplora import build, command


@hydra.main(version_base="1.3", config_path="../conf", config_name="sync")
def main(config: DictConfig) -> None:
    """Check the configuration, then import what is slow."""
    request = build.request("sync", config)
    from eksplora.stage.sync import sync

    sync(request)


if __name__ == "__main__":
    command.execute(main)
