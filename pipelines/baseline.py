"""Fit plain baselines beside an experiment's networks: the majority or mean predictor, and scikit-learn's networks."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("baseline")
