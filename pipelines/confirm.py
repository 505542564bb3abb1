"""Confirm what a search found: the best configurations on fresh seeds, then the chosen one on all training rows."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("confirm")
