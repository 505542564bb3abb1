"""Tracking of studies: MLflow, filled from the spool of events."""
