"""Predict with a confirmed model: a table, arrays or images in, predictions with their uncertainty out."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("predict")
