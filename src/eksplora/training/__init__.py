"""One member's training: from built parts and rows to curves and weights."""
