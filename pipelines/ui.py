"""Look at recorded runs in MLflow's UI."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("ui")
