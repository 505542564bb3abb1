"""Whether the optimism that a confirmation states is that of new rows: `python -m benchmarks.optimism`.

Each data set is drawn anew. The product's own commands search, confirm and evaluate; the test part has 10 000 rows, on
which the networks of the choice are measured. The stated optimism is right where its interval holds the difference
between the best value of the search and the mean of these networks on the fresh rows.
"""

import contextlib
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.calibration.rate import Rate
from benchmarks.calibration.simulated import FEATURES
from benchmarks.settings import OptimismSettings, parse
from eksplora.config import compose_request
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.evaluate import EvaluationRecord
from eksplora.records.folder import read_record

DATA = f"""_target_: benchmarks.calibration.simulated.Simulated
number: 0
learned: 150
root: ${{paths.data}}
batch_size: 32
scaling: standard
input_shape: [{FEATURES}]
excluded: []
num_classes: null
num_targets: 1
stratified: false
target_scaling: none
"""
EXPERIMENT = """# @package _global_
defaults:
  - override /data: simulated
  - override /task: regression
  - override /model: mlp
  - override /loss: mse
  - override /objective: mae
  - override /space: mlp

experiment: simulated
"""


@dataclass(frozen=True)
class Found:
    """A simulated search.

    Attributes:
        stated: The optimism that its confirmation states.
        low: Lower end of its interval.
        high: Upper end.
        true: The optimism on fresh rows.
    """

    stated: float
    low: float
    high: float
    true: float

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.true <= self.high


def simulate(number: int, settings: OptimismSettings) -> Found | None:
    """One search in the working folder; None where the choice is none of those whose values the search saw."""
    common = ["experiment=simulated", f"data.number={number}", f"trainer.max_epochs={settings.epochs}"]
    common += [f"paths.data=data/{number}", f"paths.results=results/{number}"]
    output = Path(f"results/{number}/simulated")
    own = {
        "search": [
            f"study.name=search-{number}",
            f"study.n_trials={settings.trials}",
            f"study.seed={number}",
            f"output={output}",
        ],
        "confirm": [f"study.seed={number}", f"study.n_seeds={settings.members}"],
        "evaluate": [],
    }
    for stage, asked in own.items():
        request = compose_request(stage, [*common, *asked])
        getattr(import_module(f"eksplora.stage.{stage}"), stage)(request)
    confirmed = read_record(output, ConfirmRecord, experiment="simulated")
    found, said = confirmed.best.found_by_search, confirmed.best.optimism
    if found is None or said is None or said.mean is None or said.low is None or said.high is None:
        return None
    mean = read_record(output, EvaluationRecord, experiment="simulated").test["mae"].over_members.mean
    assert mean is not None
    return Found(said.mean, said.low, said.high, mean - found)


def measure(arguments: Sequence[str]) -> None:
    """Simulate searches and print how often the stated interval holds the truth."""
    settings = parse(OptimismSettings, arguments, (), __doc__ or "")
    warnings.filterwarnings("ignore")
    known: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="eksplora-optimism-") as folder, contextlib.chdir(folder):
        for group, text in (("data", DATA), ("experiment", EXPERIMENT)):
            file = Path("conf", group, "simulated.yaml")
            file.parent.mkdir(parents=True)
            file.write_text(text)
        for number in range(settings.first, settings.first + settings.searches):
            with contextlib.redirect_stdout(io.StringIO()):
                found = simulate(number, settings)
            known += [found] if found else []
            print(number, found, file=sys.stderr, flush=True)
    rate = Rate.of(one.is_covered for one in known)
    print(f"{len(known)} of {settings.searches} searches whose choice the search had seen")
    print(f"stated optimism holds that on fresh rows: {rate.in_words()}%")
    for name in ("stated", "true"):
        print(f"median {name} optimism: {median(getattr(one, name) for one in known):.4f}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    measure(sys.argv[1:])
