"""Output to a terminal: progress and tables. Apart from `report`, so that a change of a page reruns no search."""
