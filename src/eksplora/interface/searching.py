"""`ek.search`: a study from plain arguments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eksplora.config import as_word
from eksplora.interface.asked import Asked, numbers, settings_words, space_words
from eksplora.interface.data import experiment_words
from eksplora.interface.running import in_one_line, run_stage, session
from eksplora.interface.study import Study, study_of


@in_one_line
def search(
    data: str | None = None,
    *,
    experiment: str | None = None,
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
        data: Name of a data set.
        experiment: Name of an experiment, instead of data.
        space: What is searched: a domain for each key, by its short name (`lr`) or in full (`optimizer.lr`). It takes
            the place of the experiment's own space; None leaves that.
        settings: Values that hold for all trials, by short name or in full: `{"epochs": 50, "optimizer": "sgd"}`.
        trials: Trials in all, over every resumption; None: 20.
        members: Trainings of each trial, each with a seed and a split of its own; None: 1.
        minutes: Time limit of this call; running trials are kept with checkpoints. None: no limit.
        workers: Processes that train at once; None: one for each core.
        seed: Of the study: proposals and the seeds of members derive from it; None: 0.
        name: Of the study; None: made of experiment and sampler.

    Returns:
        The study as it stands now.

    Raises:
        UserError: For what the caller can correct, in one line.
        WorkerError: If workers keep dying or too many trials fail.
        KeyboardInterrupt: After Ctrl-C; what was trained is kept.
    """
    asked = Asked(numbers=numbers(trials=trials, members=members, minutes=minutes, workers=workers, seed=seed))
    with session():
        asked = asked.with_words(*experiment_words(data, experiment))
        asked = asked.with_words(*settings_words(settings or {}, asked.words))
        asked = asked.with_words(*(space_words(space, asked.words) if space is not None else ()))
        return run(asked, name)


def run(asked: Asked, name: str | None) -> Study:
    """Run or resume the study that is asked for, within a `session`."""
    own = [] if name is None else [f"study.name={as_word('name', name)}"]
    folder = "output=${paths.results}/" + (name or "${experiment}")
    ran = run_stage("search", [*asked.all, *own, folder])
    return study_of(ran.result, Path(ran.request.settings.output), asked)
