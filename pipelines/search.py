"""Search over configurations of an experiment; the same command goes on with an interrupted study."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("search")
