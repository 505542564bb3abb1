"""Rows cut into parts: pure functions of strata, groups and a seed."""
