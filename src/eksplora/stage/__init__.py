"""Stages of the pipelines, one module each."""
