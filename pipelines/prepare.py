"""Prepare a data set: arrays, card, hashes."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("prepare")
