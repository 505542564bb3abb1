"""A study: proposals, populations, trials and their conclusion."""
