"""`ek.search`: a study from plain arguments."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eksplora.config import compose_request, gather_space
from eksplora.interface.asked import Asked, check_texts, check_values, numbers, settings_words, space_words
from eksplora.interface.data import Target, data_words
from eksplora.interface.network import named
from eksplora.interface.running import in_one_line, session
from eksplora.interface.study import Study, run
from eksplora.stage.search import default_name


@in_one_line
def search(
    data: object = None,
    *,
    target: Target = None,
    experiment: str | None = None,
    network: object = None,
    space: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    trials: int | None = None,
    members: int | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    seed: int | None = None,
    name: str | None = None,
) -> Study:
    """Search for a good configuration; the same call goes on with a study that was interrupted.

    Args:
        data: A file (CSV, TSV, Parquet, Feather), a table of pandas, Polars or Arrow, or the name of a data set. A
            table is written to a Parquet file under `data/`, without its index.
        target: The column to predict, or a list of several; a data set by its name has one.
        experiment: Name of an experiment of the configuration, whose data are its own unless others are given.
        network: A class of `torch.nn.Module`, also one of this script or notebook, or the name of a file in
            `conf/model/`; None: the one that suits the data.
        space: What is searched: a domain for each key, by its short name (`lr`) or in full (`optimizer.lr`). It takes
            the place of the experiment's own space; None leaves that.
        settings: Values that hold for all trials, by short name or in full: `{"epochs": 50, "optimizer": "sgd"}`.
        trials: Trials in all, over every resumption; None: 20.
        members: Trainings of each trial, each with a seed and a split of its own; None: as the experiment has it.
        minutes: Time limit of this call; running trials are kept with checkpoints. None: no limit.
        workers: Processes that train at once; None: one for each core.
        seed: Of the study: proposals and the seeds of members derive from it; None: 0.
        name: Of the study; None: made of experiment and sampler, and of the network where that is a class.

    Returns:
        The study as it stands now.

    Raises:
        UserError: For what the caller can correct, in one line.
        WorkerError: If workers keep dying or too many trials fail.
        KeyboardInterrupt: After Ctrl-C; what was trained is kept.
    """
    given = numbers(trials=trials, members=members, minutes=minutes, workers=workers, seed=seed)
    check_texts(name=name)
    asked = asked_for(data, target, experiment, network, {} if settings is None else settings, space)
    with session(asked.folders):
        asked = replace(asked, numbers=given)
        return run(asked, name or (_name_with_network(asked) if asked.folders else None))


def _name_with_network(asked: Asked) -> str:
    """Name of a study of a network that is a class: a changed class begins another study."""
    request = compose_request("search", gather_space(asked.all))
    usual = default_name(request.settings.experiment, request.settings.study.n_seeds, request.choices)
    return f"{usual}-{request.choices['model']}"


def asked_for(
    data: object,
    target: Target,
    experiment: str | None,
    network: object,
    settings: Mapping[str, Any],
    space: Mapping[str, Any] | None,
) -> Asked:
    """The words of what is to be trained; see `search` for the arguments.

    Raises:
        UserError: For what the caller can correct.
    """
    check_texts(experiment=experiment)
    check_values("settings", settings)
    if space is not None:
        check_values("space", space)
    places = {name: value for name, value in settings.items() if name.startswith("paths.")}
    with session():
        own = settings_words(places, [])
        paths = compose_request("search", own).config["paths"]
        words = data_words(data, target, experiment, Path(paths["data"]))
        found = None if network is None else named(network, {**settings, **(space or {})}, Path(paths["mlruns"]))
    folders = () if found is None or found.folder is None else (found.folder,)
    with session(folders):
        words += [] if found is None else [f"model={found.name}"]
        words += settings_words(settings, words)
        if space is not None:
            words += space_words(space, words)
        elif found is not None:
            words.append("space=none")  # the experiment's own is that of another network
    return Asked(words=tuple(words), folders=folders)
