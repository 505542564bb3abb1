"""Pages that are handed on."""
