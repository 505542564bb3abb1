"""Honest, fast, reproducible hyperparameter studies of neural networks."""
