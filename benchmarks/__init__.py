"""Measurements of speed, ours and the peers'; not part of the package that is installed.

`make bench` and `make bench-peers` run them; `docs/benchmarks.md` and `docs/benchmarks-peers.md` hold what they found.
"""
