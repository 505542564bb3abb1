"""Explaining a confirmed model: importance, attribution, ablation."""
