"""Reproducing a recorded run bit for bit."""
