"""Describe a table: kinds of its columns, task, test part, and warnings, before anything is trained."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("describe")
