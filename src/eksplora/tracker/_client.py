"""Runs through MLflow's own client: for servers, and for databases whose layout `_sqlite` does not know."""

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from eksplora.errors import StorageError
from eksplora.tracker._artifact import write_artifacts
from eksplora.tracker._run import ID_TAG, Change

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # The follower tries again by itself, so one attempt need not be patient (MLflow's default is 4 minutes).
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}
"""What MLflow is told before it is imported; a value that the user has set stays."""


ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's codes for what does not exist, or cannot by its name; a server that is away has others."""


def deleted(experiment: str) -> StorageError:
    """The error for an experiment that someone deleted in MLflow."""
    return StorageError(
        f"MLflow's experiment {experiment!r} is deleted there. "
        "Restore it (`mlflow experiments restore`), or choose another `experiment`."
    )


class ClientStore:
    """The runs of one experiment, by `mlflow.MlflowClient`."""

    def __init__(self, *, uri: str, experiment: str, artifacts: Path | None) -> None:
        """Connect, and create the experiment when it does not exist.

        Args:
            uri: MLflow's tracking address.
            experiment: Name of the experiment.
            artifacts: Folder of a new experiment's files; None leaves it to the server.
        """
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        from mlflow import MlflowClient  # 1 to 3 s

        for name in ("mlflow", "alembic"):  # their troubles come as exceptions
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._client = MlflowClient(uri)
        self._experiment = self._find_experiment(experiment, artifacts)
        self._ids: dict[str, str] = {}
        self._created: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether the run exists."""
        return self._find(key) is not None

    def apply(self, changes: Sequence[Change]) -> None:
        """Bring the changes into MLflow; may be repeated after any interruption.

        The server skips points and parameters that it has, tags and statuses are set again, and a run that was
        created before is found by its tag.
        """
        for change in changes:
            self._apply(change)

    def close(self) -> None:
        """Nothing is held open."""

    def _find_experiment(self, name: str, artifacts: Path | None) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                created = self._client.create_experiment(name, artifact_location=str(artifacts) if artifacts else None)
                return str(created)
            except MlflowException:
                found = self._client.get_experiment_by_name(name)  # another study of it was quicker
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise deleted(name)
        return str(found.experiment_id)

    def _find(self, key: str) -> str | None:
        """The run's id. Below a study that this store created, what it did not create does not exist."""
        if key not in self._ids and key.partition("/")[0] not in self._created:
            found = self._client.search_runs([self._experiment], f"tags.`{ID_TAG}` = '{key}'", max_results=1)
            if found:
                self._ids[key] = found[0].info.run_id
        return self._ids.get(key)

    def _create(self, change: Change) -> str:
        parent = self._find(change.parent) if change.parent else None
        tags = change.tags | ({"mlflow.parentRunId": parent} if parent else {})
        run = self._client.create_run(self._experiment, start_time=change.time, tags=tags, run_name=change.name)
        self._ids[change.key] = run.info.run_id
        self._created.add(change.key)
        return str(run.info.run_id)

    def _apply(self, change: Change) -> None:
        from mlflow.entities import Metric, Param, RunTag

        found = self._find(change.key)
        run_id = found or self._create(change)
        self._client.log_batch(
            run_id,
            metrics=[Metric(*point) for point in change.metrics],
            params=[Param(key, value) for key, value in change.params.items()],
            tags=[RunTag(key, value) for key, value in change.tags.items()] if found else [],
        )
        self._add_artifacts(run_id, change)
        if change.end_time is not None:
            self._client.set_terminated(run_id, change.status, change.end_time)
        elif change.status is not None and found:
            self._client.update_run(run_id, change.status)

    def _add_artifacts(self, run_id: str, change: Change) -> None:
        if not change.texts and not change.files:
            return
        with tempfile.TemporaryDirectory() as folder:
            write_artifacts(Path(folder), change)
            self._client.log_artifacts(run_id, folder)
