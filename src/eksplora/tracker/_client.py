"""Runs through MLflow's own client: for servers, and for databases whose layout `_sqlite` does not know."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eksplora.errors import StorageError
from eksplora.tracker._artifact import write_artifacts
from eksplora.tracker._run import ID_TAG, MARK_TAG, Change, Mark, RunDataset
from eksplora.untrusted import path_inside

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
"""Environment variables that are set before MLflow is imported; a value that the user has set stays."""


ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's codes for what does not exist, or cannot by its name; a server that is away has others."""


def deleted(experiment: str) -> StorageError:
    """The error for an experiment that someone deleted in MLflow."""
    return StorageError(
        f"MLflow's experiment {experiment!r} is deleted there. "
        "Restore it (`mlflow experiments restore`), or choose another `experiment`."
    )


def connected(uri: str) -> Any:
    """MLflow's client for an address, its registry of models included."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    from mlflow import MlflowClient  # 1 to 3 s

    for name in ("mlflow", "alembic"):  # their troubles come as exceptions
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MlflowClient(uri, registry_uri=uri)


class ClientStore:
    """The runs of one experiment, by `mlflow.MlflowClient`."""

    def __init__(self, *, uri: str, experiment: str, artifacts: Path | None) -> None:
        """Connect, and create the experiment when it does not exist.

        Args:
            uri: MLflow's tracking address.
            experiment: Name of the experiment.
            artifacts: Folder of the experiment's files, to be written directly; None leaves them to the server.
        """
        self._client, self._artifacts = connected(uri), artifacts
        self._experiment = self._find_experiment(experiment, artifacts)
        self._ids: dict[str, str] = {}
        self._created: set[str] = set()

    def is_current(self) -> bool:
        """A server is asked anew each time."""
        return True

    def marks(self) -> dict[str, Mark]:
        """Stored state of each study, by its id; runs are not counted, which would bring all that a server has."""
        runs = self._search("tags.kind = 'study'")
        marks = [(run.data.tags.get(ID_TAG, ""), run.data.tags.get(MARK_TAG)) for run in runs]
        return {study: Mark.read(text, None) for study, text in marks}

    def mark(self, study: str) -> Mark | None:
        """Stored state of a study, its runs counted; None where it is unknown."""
        runs = [run for run in self._search(f"tags.`{ID_TAG}` LIKE '{study}%'") if _study_of(run) == study]
        own = next((run for run in runs if run.data.tags[ID_TAG] == study), None)
        present = sum(run.info.lifecycle_stage == "active" for run in runs)
        return Mark.read(own.data.tags.get(MARK_TAG), present) if own else None

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
                location = artifacts.as_uri() if artifacts else None
                return str(self._client.create_experiment(name, artifact_location=location))
            except MlflowException:
                found = self._client.get_experiment_by_name(name)  # another study of it was quicker
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise deleted(name)
        return str(found.experiment_id)

    def _search(self, wanted: str) -> Iterator[Any]:
        """The runs that a filter lets through, those among them that somebody deleted."""
        from mlflow.entities import ViewType

        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], wanted, ViewType.ALL, max_results=1000, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _find(self, key: str) -> str | None:
        """The run's id. Below a study that this store created, what it did not create does not exist.

        A run that somebody deleted in MLflow is the same run, and comes back.
        """
        if key not in self._ids and key.partition("/")[0] not in self._created:
            found = sorted(self._search(f"tags.`{ID_TAG}` = '{key}'"), key=lambda run: run.info.lifecycle_stage)
            if found:
                self._ids[key] = found[0].info.run_id
                if found[0].info.lifecycle_stage != "active":
                    self._client.restore_run(found[0].info.run_id)
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
        if change.dataset:
            self._client.log_inputs(run_id, datasets=[_input(change.dataset)])
        self._add_artifacts(run_id, change)
        if change.end_time is not None:
            self._client.set_terminated(run_id, change.status, change.end_time)
        elif change.status is not None and found:
            self._client.update_run(run_id, change.status)

    def _add_artifacts(self, run_id: str, change: Change) -> None:
        if not change.texts and not change.files:
            return
        if self._artifacts is not None:  # not where a database from elsewhere says
            write_artifacts(path_inside(self._artifacts, f"{run_id}/artifacts", source="MLflow"), change)
            return
        with tempfile.TemporaryDirectory() as folder:
            write_artifacts(Path(folder), change)
            self._client.log_artifacts(run_id, folder)


def _study_of(run: Any) -> str:
    """The id of the study that a run belongs to."""
    return str(run.data.tags.get(ID_TAG, "")).partition("/")[0]


def _input(dataset: RunDataset) -> Any:
    """A data set in MLflow's form."""
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    entity = Entity(dataset.name, dataset.digest, "code", dataset.source, None, dataset.profile)
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])
