"""Compute the tables of the explorations again from MLflow's runs, and compare."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("paper_check")
