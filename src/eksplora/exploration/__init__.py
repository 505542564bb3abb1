"""Chains of one-factor studies beside reported numbers."""
