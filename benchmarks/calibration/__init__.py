"""Null studies of the statistics: how often they claim a difference where there is none, and what intervals cover.

Data are drawn anew for every study, so that truth is known; splits, tests and intervals are the product's own.
"""
