"""The stage `ui`: MLflow's own pages over the recorded runs."""

import os
import sys

from eksplora.build import Request
from eksplora.errors import ConfigError
from eksplora.schema import UiConfig
from eksplora.stage._tracking import tracker_of


def ui(request: Request) -> None:
    """Serve MLflow's UI until Ctrl-C; this process becomes the server.

    Raises:
        ConfigError: If the port is out of range, or tracking is off.
    """
    settings: UiConfig = request.settings
    if not 1 <= settings.port <= 65535:
        raise ConfigError(f"port must be between 1 and 65535, got {settings.port}. Try port=5000.")
    uri = tracker_of(request.config).server_uri
    if not uri:
        raise ConfigError("tracker: this tracker keeps no runs to look at. Use tracker=mlflow.")
    page = f"http://{settings.host}:{settings.port}/#/experiments?workflowType=machine_learning"
    print(f"MLflow UI, in some seconds: {page}   (Ctrl-C ends it)", flush=True)
    arguments = ["--host", settings.host, "--port", str(settings.port), "--workers", "1"]
    # The address goes by the environment: the list of processes is anybody's to read, and it may hold a password.
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_BACKEND_STORE_URI=uri)
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments])
