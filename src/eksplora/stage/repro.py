"""Run everything from the data to the report, each stage unless it is up to date."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from eksplora.config import Request, compose_request, parse_override, schema
from eksplora.config.keys import Repro
from eksplora.config.schema import ReproConfig, is_function
from eksplora.counter import fingerprint
from eksplora.errors import DataError, Interrupted
from eksplora.files import as_json, write_file
from eksplora.provenance import code_sha256
from eksplora.records.folder import output_of
from eksplora.untrusted import read_json, sha256

STAGES = ("search", "confirm", "baseline", "evaluate", "explain", "report")
"""Stages in their order."""

ASK_A_NETWORK = ("evaluate", "explain")
"""Those that a function of the user's own is left out from: it leaves no network."""

DONE = "repro.json"
"""File of the results that says what each stage was made of, and what it left."""

RUNNING = ("workers", "threads", "timeout_seconds", "max_failures", "checkpoint_seconds")
"""Keys of `study` that say how a stage runs, not what it computes."""

OF_BASELINES = ("experiment", "data", "task", "metric", "objective", "protocol", "tracker", "paths")
"""Keys that change a baseline; see `eksplora.baselines.choice`."""


@dataclass(frozen=True)
class StageState:
    """A stage with what it was made of, and what it left.

    Attributes:
        made_of: Hash of its configuration, its code and what the stages before it left.
        left: Hash of its files.
    """

    made_of: str
    left: str


def repro(request: Request) -> None:
    """Run the stages in their order, each unless it was made of the same, and end at the first that fails.

    Raises:
        UserError: For what the user can fix; of what he asked, before the first stage runs.
        Interrupted: After Ctrl-C or SIGTERM, or if the search has not ended; the same command goes on.
    """
    settings: ReproConfig = request.settings
    output = output_of(settings.output)
    stages = [stage for stage in STAGES if not (stage in ASK_A_NETWORK and is_function(request.config))]
    asked = {stage: compose_request(stage, list(words_of(stage, request, settings.repro))) for stage in stages}
    done, before = _read(output), ""
    for number, (stage, own) in enumerate(asked.items(), start=1):
        made_of = fingerprint([_computed(own), _code(stage), before])
        if done.get(stage) == StageState(made_of, _left(output, stage)):
            print(f"stage {number} of {len(asked)}: {stage} is up to date, skipped", flush=True)
        else:
            print(f"stage {number} of {len(asked)}: {stage}", flush=True)
            getattr(import_module(f"eksplora.stage.{stage}"), stage)(own)
            if not _files(output, stage):
                raise Interrupted(f"{stage} has not ended; the same command goes on.")
            done[stage] = StageState(made_of, _left(output, stage))
            write_file(output / DONE, as_json({name: vars(step) for name, step in done.items()}))
        before = fingerprint([before, done[stage].left])


def words_of(stage: str, request: Request, sizes: Repro) -> Iterator[str]:
    """The overrides of a stage: those of what was typed that it takes, and its size.

    Args:
        stage: The stage.
        request: What was asked.
        sizes: How much is confirmed and explained.
    """
    for text in request.typed:  # those of the space as the one list that Hydra carries
        if _takes(stage, *parse_override(text).key_or_group.split(".")):
            yield text
    if stage == "search":
        yield from ("study.versioned=true", f"output={request.settings.output}")
    else:
        yield f"output={request.settings.output}"
    yield from (f"{key}={value}" for key, value in _sizes(stage, sizes).items() if value is not None)


def _takes(stage: str, top: str, *path: str) -> bool:
    """Whether a stage takes a key."""
    if top in ("repro", "output"):
        return False
    if stage == "baseline":
        return top in OF_BASELINES or (top == "study" and path[0] in RUNNING[:-1])
    if stage == "search" or top in schema.TRAINING_KEYS or top in ("paths", "tracker"):
        return True
    return top == "study" and path[0] in RUNNING


def _sizes(stage: str, sizes: Repro) -> Mapping[str, int | None]:
    return {
        "confirm": {"confirm.best": sizes.best, "study.n_seeds": sizes.seeds},
        "baseline": {"study.n_seeds": sizes.seeds},
        "explain": {
            "explain.ablated": sizes.ablated,
            "explain.images": sizes.images,
            "study.n_seeds": sizes.ablation_seeds,
        },
    }.get(stage, {})


# --- what is up to date -----------------------------------------------------------------------------------------------


def _computed(request: Request) -> dict[str, Any]:
    """The part of a configuration that changes what a stage computes."""
    kept = {key: value for key, value in request.config.items() if key not in ("paths", "tracker")}
    study = {key: value for key, value in kept["study"].items() if key not in RUNNING}
    return {**kept, "study": study, "card": request.own_data and request.own_data.card.fingerprint}


def _code(stage: str) -> str:
    package = Path(__file__).parents[1]
    return code_sha256(package, [f"eksplora.stage.{stage}.{stage}"])


def _files(output: Path, stage: str) -> Sequence[Path]:
    """The files that a stage has left."""
    if stage == "report":
        return [path for path in (output / "report.html", output / "report.md") if path.is_file()]
    return sorted(path for path in (output / stage).rglob("*") if path.is_file())


def _left(output: Path, stage: str) -> str:
    return fingerprint({str(path.relative_to(output)): sha256(path) for path in _files(output, stage)})


def _read(output: Path) -> dict[str, StageState]:
    """Known steps of a folder of results; none where that cannot be read: then they are run again."""
    try:
        return dict(read_json(output / DONE, dict[str, StageState], way_out=""))
    except DataError:
        return {}
