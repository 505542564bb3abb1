"""Names of earlier versions, for models that were recorded under them: see `eksplora.inference`."""

from eksplora.inference import load_ensemble, load_network

__all__ = ["load_ensemble", "load_network"]
