"""Look at recorded runs in MLflow's UI."""

import hydra
from omegaconf import DictConfig

from eksplora import build, command


@hydra.main(version_base="1.3", config_path="../conf", config_name="ui")
def main(config: DictConfig) -> None:
    """Check the configuration, then import what is slow."""
    request = build.request("ui", config)
    from eksplora.stage.ui import ui

    ui(request)


if __name__ == "__main__":
    command.execute(main)
