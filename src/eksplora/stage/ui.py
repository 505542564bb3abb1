"""The stage `ui`: MLflow's own pages over the recorded runs."""

import os
import sys

from eksplora.build import Request
from eksplora.errors import ConfigError
from eksplora.schema import UiConfig


def ui(request: Request) -> None:
    """Serve MLflow's UI until Ctrl-C; this process becomes the server.

    Raises:
        ConfigError: If the port is out of range, or tracking is off.
    """
    settings: UiConfig = request.settings
    if not 1 <= settings.port <= 65535:
        raise ConfigError(f"port must be between 1 and 65535, got {settings.port}. Try port=5000.")
    uri = request.config["tracker"].get("uri")
    if not uri:
        raise ConfigError("tracker: this tracker keeps no runs to look at. Use tracker=mlflow.")
    page = f"http://{settings.host}:{settings.port}/#/experiments?workflowType=machine_learning"
    print(f"MLflow UI, in some seconds: {page}   (Ctrl-C ends it)", flush=True)
    arguments = ["--backend-store-uri", uri, "--host", settings.host, "--port", str(settings.port), "--workers", "1"]
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments])
