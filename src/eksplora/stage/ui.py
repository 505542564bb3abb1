"""Look at recorded runs in MLflow's UI."""

import os
import re
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from eksplora.config import Request
from eksplora.config.schema import UiConfig
from eksplora.errors import ConfigError, EksploraError
from eksplora.study.setup import tracker_of
from eksplora.tracker import pages
from eksplora.tracker.address import masked
from eksplora.tracker.base import Tracker
from eksplora.tracker.views import views

TRAINING_PAGES = "#/experiments?workflowType=machine_learning"
"""Address at which MLflow's pages for trainings begin; without the last words it opens those for language models."""

LOG = "ui.log"


def ui(request: Request) -> None:
    """Serve MLflow's pages until Ctrl-C, which is the usual end of it: exit code 0.

    Raises:
        ConfigError: If the port is in use, or tracking is off.
        EksploraError: If the server ends by itself.
    """
    settings: UiConfig = request.settings
    tracker = tracker_of(request.config)
    uri = tracker.server_uri
    if not uri:
        raise ConfigError("tracker: this tracker keeps no runs to look at. Use tracker=mlflow.")
    if re.match(r"https?://", uri):
        own = masked(uri).replace("//***@", "//").rstrip("/")  # the browser asks for the password
        print(f"tracker.uri is a server, which shows its runs itself: {own}/{TRAINING_PAGES}")
        return
    _check_free(settings.host, settings.port)
    log = Path(request.config["paths"]["mlruns"]) / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        _serve(settings, tracker, log)
    except KeyboardInterrupt:
        print("\nMLflow UI: ended")


def _serve(settings: UiConfig, tracker: Tracker, log: Path) -> None:
    """Start the server, say when it is up, and wait for its end."""
    address = f"http://{settings.host}:{settings.port}"
    arguments = ["--host", settings.host, "--port", str(settings.port), "--workers", "1"]
    # The store goes by the environment: it may hold a password, and every user can read the arguments of processes.
    os.environ |= {
        "MLFLOW_BACKEND_STORE_URI": tracker.server_uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    signal.signal(signal.SIGHUP, _end)
    print(f"MLflow UI: starting, which takes some seconds. Its log: {log}", flush=True)
    tracker.prepare_server()
    with pages.served(arguments, log) as server:
        pages.wait_until_up(server, address, log)
        print(f"MLflow UI: {address}/{TRAINING_PAGES}   (Ctrl-C ends it)", flush=True)
        for name, view in views(address).items():
            print(f"  {name}   {view}", flush=True)
        server.wait()
        raise EksploraError(pages.ended(log))


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End as the terminal does that was closed."""
    sys.exit(128 + number)


def _check_free(host: str, port: int) -> None:
    """Ask for the port as the server will.

    Raises:
        ConfigError: If it cannot be used, with the reason.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was in use a moment ago is free
            probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"port {port} of {host} cannot be used ({error.strerror}): another server may be there. "
            f"Look at http://{host}:{port}, or take another port: port={port % 65535 + 1}."
        ) from None
