"""Plain baselines beside an experiment's networks."""
