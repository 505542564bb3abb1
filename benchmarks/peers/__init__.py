"""Measurements against other tools; `scripts/` holds what a user of each would write."""
