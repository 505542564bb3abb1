"""Measurements of speed, ours and the peers', and of how often verdicts hold; not part of the installed package.

`make bench`, `make bench-peers` and `make calibrate` run them; `docs/benchmarks.md`, `docs/benchmarks-peers.md` and
`docs/calibration.md` hold what they found.
"""
