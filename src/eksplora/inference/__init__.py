"""Recorded models: all members of a configuration, loaded from plain files and asked together."""

from eksplora.inference.card import write_card
from eksplora.inference.loading import load_ensemble, load_network, network_of

__all__ = ["load_ensemble", "load_network", "network_of", "write_card"]
