"""Honest, fast, reproducible hyperparameter studies of neural networks."""

import os

# The bits of a matrix product would otherwise depend on where in memory the numbers of a population's member lie, and
# so on how many others there are. MKL reads it at a process's first product; no measurable cost (docs/log.md).
os.environ.setdefault("MKL_CBWR", "AUTO")
