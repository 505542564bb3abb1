"""Describe a table or a folder of images: columns or classes, task, test part, warnings, before anything is trained."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("describe")
