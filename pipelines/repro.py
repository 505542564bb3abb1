"""Run everything from the data to the report, each stage unless it is up to date."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("repro")
