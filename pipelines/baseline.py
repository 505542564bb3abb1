"""Fit plain baselines beside an experiment's networks: majority or mean, gradient boosting, scikit-learn's networks."""

from eksplora.cli.main import main

if __name__ == "__main__":
    main("baseline")
