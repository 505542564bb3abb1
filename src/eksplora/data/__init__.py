"""Data sets: one module each, prepared as memory-mapped arrays with a card."""
