"""The training of members: from built parts and rows to curves and weights."""
