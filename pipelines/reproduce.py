"""Train a recorded run again and say whether it is bit-identical."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("reproduce")
