"""The loader that MLflow knows recorded models of earlier versions by."""

from eksplora.inference.served import Served, _load_pyfunc

__all__ = ["Served", "_load_pyfunc"]
