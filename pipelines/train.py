"""Train one configuration of an experiment."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("train")
