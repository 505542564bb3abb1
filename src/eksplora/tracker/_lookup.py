"""From the id of an MLflow run to the study that it shows."""

import os
from pathlib import Path

from eksplora.errors import DataError
from eksplora.tracker._base import SPOOL, Shown
from eksplora.tracker._client import ENVIRONMENT
from eksplora.tracker._run import ID_TAG


class MlflowLookup:
    """Looks runs up behind one tracking address."""

    def __init__(self, uri: str) -> None:
        """Connect to it."""
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        from mlflow import MlflowClient  # 1 to 3 s

        self._client, self._uri = MlflowClient(uri), uri

    def shown(self, run_id: str) -> Shown:
        """What a run shows.

        Raises:
            DataError: If there is no such run, or it is none of eksplora's.
        """
        from mlflow.exceptions import MlflowException

        try:
            tags = self._client.get_run(run_id).data.tags
        except MlflowException:
            raise DataError(
                f"run={run_id}: MLflow at {self._uri} has no such run. Take the id from a run's page (`make ui`)."
            ) from None
        if ID_TAG not in tags:
            raise DataError(
                f"run={run_id} is a run of another project: it has no tag {ID_TAG}. Give the id of a trial or a member."
            )
        study, *numbers = tags[ID_TAG].split("/")
        trial, member = ([int(number) for number in numbers] + [None, None])[:2]
        return Shown(tags["study"], study, trial, member)

    def spool(self, shown: Shown, run_id: str, folder: Path) -> Path:
        """The spool of a run's study, brought into `folder`.

        Raises:
            DataError: If MLflow does not hold it.
        """
        from mlflow.exceptions import MlflowException

        experiment = self._client.get_run(run_id).info.experiment_id
        found = self._client.search_runs([experiment], f"tags.`{ID_TAG}` = '{shown.study}'", max_results=1)
        try:
            return Path(self._client.download_artifacts(found[0].info.run_id, SPOOL, str(folder)))
        except (IndexError, MlflowException, OSError):
            raise DataError(
                f"run={run_id}: neither this machine nor MLflow holds {SPOOL} of the study {shown.name}, where its "
                "configuration and curves are. Bring back its folder under mlruns/studies/."
            ) from None
