"""Null studies of the statistics, as the page docs/calibration.md: `python -m benchmarks.calibrate`."""

import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from benchmarks.calibration import cases, network
from benchmarks.calibration.learner import LARGE, NOISE, SMOOTH, WIGGLY
from benchmarks.calibration.rate import Rate
from benchmarks.calibration.study import EVERY, FRESH_DATA, FRESH_SEEDS, Case, Outcome, simulate
from benchmarks.calibration.table import MOST_CLAIMS, Outcomes, coverage, false_claims, power
from benchmarks.settings import CalibrationSettings, parse
from benchmarks.table import Section, show
from eksplora import provenance
from eksplora.files import write_file
from eksplora.installation import CONF
from eksplora.statistics.generalization import Scope

Say = Callable[[str], None]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BLOCK = 500
"""Studies that a process is handed at once."""


def _block(case: Case, first: int, last: int) -> list[Outcome]:
    return [simulate(case, number) for number in range(first, last)]


def run(pool: Executor, wanted: Sequence[Case], studies: int, say: Say) -> Outcomes:
    """Simulate studies of each kind.

    Args:
        pool: Does the work.
        wanted: Kinds of studies.
        studies: How many of each.
        say: Takes progress.
    """
    begun = time.monotonic()
    edges = [*range(0, studies, BLOCK), studies]
    handed = {case: [pool.submit(_block, case, first, last) for first, last in pairwise(edges)] for case in wanted}
    outcomes = {}
    for number, (case, blocks) in enumerate(handed.items(), 1):
        outcomes[case] = [one for block in blocks for one in block.result()]
        say(f"{number} of {len(handed)} kinds of studies, {time.monotonic() - begun:.0f} s so far")
    return outcomes


def networks(pool: Executor, studies: int, say: Say) -> Section:
    """Studies with real networks."""
    say(f"{studies} studies with real networks")
    claims = Rate.of(pool.map(network.is_claimed, range(studies), chunksize=10))
    text = (
        f"Symmetric features again, {network.ROWS} rows; the configurations are MLPs of {network.UNITS} hidden units, "
        f"{network.EPOCHS} epochs\nof Adam, and all 16 members of a study train as one population of eksplora. Fewer "
        "studies, so a wider interval."
    )
    row = {
        "scope": str(Scope.DATA),
        "design": network.DESIGN,
        "measure": "mae",
        "studies": str(claims.trials),
        "false claims, %": claims.in_words(),
        "at most 5%": "yes" if claims.interval()[1] <= MOST_CLAIMS else "not shown",
    }
    return Section("Real networks", text, [row])


FALSE_DATA = """No difference in the population: any claim of a study is false. Rates should be at most 5%.
Tests pay for what members have in common in the worst case, so many rates are lower."""
FALSE_NARROW = """Rows are kept, so configurations are equal only where they are the same learner with other seeds.
Where they see other features, noise makes one of them the better on these rows, and saying so is right.

One seed says nothing of other seeds: `holdout, 1 seed` compares two trained networks, not two configurations. Two
networks of one configuration differ on new rows, so there a claim is false where the other network is the better."""
COVERAGE = """Of 95% intervals, those of differences for all pairs of a study at once. The true value is the mean over
fresh data sets; where rows are kept, over fresh seeds on them; of networks, their own on fresh rows."""
POWER = """How often the better configuration is said to be better, for a true difference of the size in the table."""


def take(pool: Executor, settings: CalibrationSettings, say: Say) -> list[Section]:
    """All sections of the page.

    Args:
        pool: Does the work.
        settings: How many studies.
        say: Takes progress.
    """
    simulated = partial(run, pool, studies=settings.studies, say=say)
    data, narrow, better = (simulated(wanted) for wanted in (cases.for_data(), cases.for_narrower(), cases.for_power()))
    pairs = {case: found for case, found in {**data, **narrow}.items() if case.configurations == 2}
    found = [
        false_claims("False claims: data like these", FALSE_DATA, data),
        false_claims("False claims: rows that are kept", FALSE_NARROW, narrow),
        power("Power", POWER, better),
        coverage("Coverage", COVERAGE, {**pairs, **better}),
    ]
    return [*found, networks(pool, settings.networks, say)] if settings.networks else found


HEAD = f"""# Calibration

Does a difference that eksplora claims exist? These tables are measured by `make calibrate`, never written by hand:
studies are simulated whose truth is known, and judged by the product's own protocols, tests and intervals.

How to read them:

- A rate has its exact 95% interval (Clopper and Pearson) in brackets; all are in percent.
- `at most 5%`: the interval of the rate ends at 6.5% or below. `no`: it begins above 5%.
- `data`: `{SMOOTH.name}` has {SMOOTH.rows} rows and learners of {SMOOTH.units} random ReLU features, ridge
  {SMOOTH.ridge:g}; `{WIGGLY.name}` has {WIGGLY.rows} rows and {WIGGLY.units} features, ridge {WIGGLY.ridge:g}.
  `{LARGE.name}` is the first of them with {LARGE.rows} rows.
- The target is f(x) + g f(z) + noise of standard deviation {NOISE:g}, with f(x) = sin(x1) + x2 x3 / 2. A
  configuration sees x or z. With g = 1 they are equal in the population; accuracy is of the target's sign.
- True values are means over {FRESH_DATA} data sets, or over {FRESH_SEEDS} seeds where rows are kept, for
  every {EVERY}th study.
- `same configuration` is the same learner under each name, with random numbers of its own.

[Statistics](explanation/statistics.md) explains the tests.
"""


def page(sections: Sequence[Section], facts: Mapping[str, str]) -> str:
    """The page: how to read it, how it was made, the tables."""
    lines = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return "\n".join([HEAD, f"{lines}\n", *(show(section) for section in sections)])


def facts(arguments: Sequence[str], settings: CalibrationSettings) -> dict[str, str]:
    """By what command and versions the page was made; no date, so that the same run gives the same page."""
    known = provenance.collect(CONF.parent)
    return {
        "command": f"`{f'python -m benchmarks.calibrate {shlex.join(arguments)}'.strip()}`",
        "studies": f"{settings.studies} of each kind; study number i has the seed i",
        "versions": ", ".join(f"{name} {known[f'version.{name}']}" for name in ("python", "numpy", "torch")),
    }


@contextmanager
def processes(number: int) -> Iterator[Executor]:
    """Processes of one thread each."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # read when numpy is imported, in the new processes
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    with ProcessPoolExecutor(number, mp_context=get_context("spawn")) as pool:
        yield pool


def calibrate(arguments: Sequence[str]) -> None:
    """Simulate all studies, print the tables and write the page.

    Args:
        arguments: The words of the command line.

    Raises:
        StorageError: If the page cannot be written.
    """
    settings = parse(CalibrationSettings, arguments, (), __doc__ or "")
    with processes(settings.processes) as pool:
        sections = take(pool, settings, lambda text: print(text, file=sys.stderr, flush=True))
    output = Path(settings.output)
    text = page(sections, facts(arguments, settings))
    print(text)
    write_file(output, text)
    print(f"written to {output}")


if __name__ == "__main__":
    calibrate(sys.argv[1:])
