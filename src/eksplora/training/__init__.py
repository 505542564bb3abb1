"""The training of members: from built parts and rows to curves and weights."""

import os

# The bits of a matrix product would otherwise depend on where in memory a member's numbers lie, and so on how many
# others there are. Read by MKL at its first call; no measurable cost (docs/log.md).
os.environ.setdefault("MKL_CBWR", "AUTO")
