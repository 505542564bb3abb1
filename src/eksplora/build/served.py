"""The loader that MLflow knows recorded models of earlier versions by."""

from eksplora.inference.served import Served, load_pyfunc

_load_pyfunc = load_pyfunc

__all__ = ["Served", "load_pyfunc"]
