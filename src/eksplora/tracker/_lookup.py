"""Study that an MLflow run shows, by the run's id."""

import re
from pathlib import Path

from eksplora.errors import DataError
from eksplora.installation import target
from eksplora.tracker._artifact import fetch_artifacts
from eksplora.tracker._client import ABSENT, connected
from eksplora.tracker._run import ID_TAG
from eksplora.tracker.address import masked
from eksplora.tracker.base import SPOOL, RunContent
from eksplora.untrusted import is_name


class MlflowLookup:
    """Looks runs up behind one tracking address."""

    def __init__(self, uri: str) -> None:
        """Connect to it."""
        self._client, self._shown = connected(uri), masked(uri)

    def shown(self, run_id: str) -> RunContent:
        """Values and tags of a run.

        Raises:
            DataError: If there is no such run, or it is none of eksplora's.
            MlflowException: If MLflow cannot say.
        """
        from mlflow.exceptions import MlflowException

        try:
            tags = self._client.get_run(run_id).data.tags
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            raise DataError(
                f"run={run_id}: MLflow at {self._shown} has no such run. "
                f"Take the id from a run's page (`{target('ui')}`)."
            ) from None
        if ID_TAG not in tags:
            raise DataError(
                f"run={run_id} is a run of another project: it has no tag {ID_TAG}. Give the id of a trial or a member."
            )
        study, *numbers = tags[ID_TAG].split("/")
        name = tags.get("study")
        if not is_name(study) or not is_name(name) or not all(re.fullmatch(r"\d{1,9}", number) for number in numbers):
            raise DataError(
                f"run={run_id}: its tags {ID_TAG} and study name no study. Somebody altered them in MLflow."
            )
        trial, member = ([int(number) for number in numbers] + [None, None])[:2]
        return RunContent(str(name), study, trial, member)

    def ids(self, experiment: str, name: str, study: str) -> dict[str, str]:
        """MLflow's ids of all runs of a study, by ours (`<study>[/<trial>[/<member>]]`).

        Args:
            experiment: MLflow's experiment.
            name: Name of the study.
            study: Its id.
        """
        known = self._client.get_experiment_by_name(experiment)
        found: dict[str, str] = {}
        token = None
        while known is not None:
            page = self._client.search_runs(
                [known.experiment_id], f"tags.study = '{name}'", max_results=1000, page_token=token
            )
            for run in page:
                key = run.data.tags.get(ID_TAG, "")
                if key.partition("/")[0] == study:
                    found[key] = run.info.run_id
            token = page.token
            if not token:
                break
        return found

    def metrics(self, run_id: str) -> tuple[dict[str, float], dict[str, list[float]]]:
        """A run's metrics: the last value of each, and of curves their values in the order of their steps.

        Raises:
            DataError: If there is no such run.
        """
        from mlflow.exceptions import MlflowException

        try:
            last = dict(self._client.get_run(run_id).data.metrics)
        except MlflowException:
            raise DataError(f"MLflow at {self._shown} has no run {run_id}. It was deleted: explore again.") from None
        curves = {}
        for name in last:
            if name.startswith("train/"):
                history = sorted(self._client.get_metric_history(run_id, name), key=lambda point: point.step)
                curves[name] = [point.value for point in history]
        return last, curves

    def spool(self, shown: RunContent, run_id: str, folder: Path) -> Path:
        """The spool of a run's study, brought into `folder`.

        Raises:
            DataError: If MLflow does not hold it.
        """
        from mlflow.exceptions import MlflowException

        experiment = self._client.get_run(run_id).info.experiment_id
        found = self._client.search_runs([experiment], f"tags.`{ID_TAG}` = '{shown.study}'", max_results=1)
        try:
            return fetch_artifacts(self._client, found[0].info.run_id, SPOOL, folder)
        except (IndexError, MlflowException, OSError):
            raise DataError(
                f"run={run_id}: neither this machine nor MLflow holds {SPOOL} of the study {shown.name}, where its "
                "configuration and curves are. Bring back its folder under mlruns/studies/."
            ) from None
