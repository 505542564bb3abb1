"""The best configurations of a search on fresh members."""
