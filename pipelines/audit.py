"""Judge a search as a whole: what it chooses, on rows that neither the search nor the confirmation has seen."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("audit")
