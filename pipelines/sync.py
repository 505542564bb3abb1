"""Fill MLflow from the spools of all studies."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("sync")
