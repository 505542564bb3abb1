"""What a study shows to people: the spool of events, and MLflow filled from it."""
