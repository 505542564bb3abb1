"""MLflow's model registry: versions of an experiment's model, and which of them is the champion.

A model is stored in MLflow's `python_function` flavour without any pickle: its folder, and the name of the module that
loads it (https://mlflow.org/docs/latest/api_reference/python_api/mlflow.pyfunc.html, `loader_module`).
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

from eksplora.errors import DataError, StorageError
from eksplora.installation import target
from eksplora.tracker._artifact import fetch_artifacts
from eksplora.tracker._client import ABSENT, connected
from eksplora.tracker._run import ID_TAG
from eksplora.tracker.base import ModelToRegister
from eksplora.untrusted import read_json

CHALLENGER, CHAMPION = "challenger", "champion"
STUDY_TAG = "eksplora.study"
"""Tag by which a version is found again: the study whose run holds its files."""

WHY_TAG = "why"
"""Tag that says why a version is the champion, or is not."""

ARTIFACT = "model"
FILES = "model"
"""Name of the folder of a model's own files, which MLflow keeps."""

FACTS = "confirmation.json"


class MlflowRegistry:
    """The registered models behind one tracking address."""

    def __init__(self, uri: str) -> None:
        """Connect to it."""
        self._client = connected(uri)

    def add(self, model: ModelToRegister) -> str:
        """Register a model, unless that is done, as the challenger; returns the number of its version.

        Raises:
            StorageError: If MLflow does not hold the run of its study.
        """
        from mlflow.exceptions import MlflowException

        try:
            about = f"Confirmed models of the experiment {model.experiment}."
            self._client.create_registered_model(model.name, description=about)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = self._known(model) or self._added(model)
        self._client.set_registered_model_alias(model.name, CHALLENGER, version)
        return version

    def champion(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """Version and confirmation of the present champion; None where there is none.

        Raises:
            DataError: If its confirmation cannot be read.
        """
        from mlflow.exceptions import MlflowException

        try:
            version = self._client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = self._files(str(version.run_id), Path(folder)) / FACTS
            way_out = f"Set the alias {CHAMPION} of {name} in MLflow to a version that is whole, or remove it."
            return str(version.version), read_json(path, dict[str, Any], way_out=way_out)

    def fetch(self, model: str, folder: Path) -> Path:
        """Bring a registered model into `folder`; returns the folder of its files.

        Raises:
            DataError: If the registry does not have it.
        """
        from mlflow.exceptions import MlflowException

        name, sign, alias = model.removeprefix("models:/").partition("@")
        try:
            if sign:
                version = self._client.get_model_version_by_alias(name, alias)
            else:
                name, _, number = name.partition("/")
                version = self._client.get_model_version(name, number)
        except MlflowException:
            known = sorted(found.name for found in self._client.search_registered_models())
            raise DataError(
                f"trained={model} is not in MLflow's registry, which has {', '.join(known) or 'no models'}. "
                "Write models:/<name>@champion or models:/<name>/<version>; The stage report registers models."
            ) from None
        return self._files(str(version.run_id), folder)

    def _files(self, run_id: str, folder: Path) -> Path:
        """The files of a model as it was confirmed, which its run holds: none of MLflow's own is needed."""
        return fetch_artifacts(self._client, run_id, f"{ARTIFACT}/data/{FILES}", folder)

    def run_of(self, name: str, version: str) -> str:
        """The id of the run that holds a version: that of the study that trained it."""
        return str(self._client.get_model_version(name, version).run_id)

    def judge(self, name: str, version: str, *, is_champion: bool, why: str) -> str:
        """Note why a version is the champion or is not, and make it so; returns the reason that is noted.

        What is the champion already keeps the reason that it became so for.
        """
        known = self._client.get_model_version(name, version)
        if is_champion and CHAMPION in known.aliases and WHY_TAG in known.tags:
            return str(known.tags[WHY_TAG])
        self._client.set_model_version_tag(name, version, WHY_TAG, why)
        if is_champion:
            self._client.set_registered_model_alias(name, CHAMPION, version)
        return why

    def _known(self, model: ModelToRegister) -> str | None:
        """The version that an earlier start of the same command registered."""
        found = self._client.search_model_versions(f"name = '{model.name}'")
        return next((str(version.version) for version in found if version.tags.get(STUDY_TAG) == model.study), None)

    def _added(self, model: ModelToRegister) -> str:
        run_id = self._run_id(model)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / ARTIFACT
            _save(model, target)
            self._client.log_artifacts(run_id, str(target), ARTIFACT)
        version = self._client.create_model_version(
            model.name,
            f"{self._client.get_run(run_id).info.artifact_uri}/{ARTIFACT}",
            run_id,
            tags={STUDY_TAG: model.study, **model.tags},
            description=model.description,
        )
        return str(version.version)

    def _run_id(self, model: ModelToRegister) -> str:
        experiment = self._client.get_experiment_by_name(model.experiment)
        identifier = f"tags.`{ID_TAG}` = '{model.study}'"
        runs = self._client.search_runs([experiment.experiment_id], identifier, max_results=1) if experiment else []
        if not runs:
            raise StorageError(
                f"MLflow has no run of the study that trained {model.name}. `{target('sync')}` brings it in; "
                "then give the same command again: nothing is trained twice."
            )
        return str(runs[0].info.run_id)


def _save(model: ModelToRegister, target: Path) -> None:
    """The model in MLflow's own form."""
    assert model.folder.name == FILES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow has to say of types and of environments is not the user's to fix
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            str(target),
            loader_module=model.loader,
            data_path=str(model.folder),
            signature=_signature(model),
            input_example=model.example,
            pip_requirements=["eksplora"],
        )


def _signature(model: ModelToRegister) -> Any:
    """Columns that the model takes and gives; MLflow would refuse whole numbers where the example has others."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    found = infer_signature(model.example, model.predictions)
    if model.columns is None:
        return found
    anything = AnyType()  # type: ignore[no-untyped-call]
    return ModelSignature(Schema([ColSpec(anything, name) for name in model.columns]), found.outputs)
