"""What happens to a population that cannot be trained: whoever does harm fails alone."""

from collections.abc import Callable

from eksplora.study.ending import Ending
from eksplora.study.ledger import Ledger, Population
from eksplora.study.queue import Populations

MOST_DEATHS = 3
"""A trial on which a worker dies so often has failed: the machine runs out of memory, or the code crashes."""

MOST_DEATHS_TOGETHER = 2
"""After so many deaths on a population of several trials each goes on by itself."""

WAY_OUT = "Lower study.workers, data.batch_size or the size of the network."


class Trouble:
    """Gives trials another try where that can help, and fails them where it cannot."""

    def __init__(self, ledger: Ledger, populations: Populations, ending: Ending, say: Callable[[str], None]) -> None:
        """Tell the user through `say`."""
        self._ledger, self._populations, self._ending, self._say = ledger, populations, ending, say

    def take(self, population: Population, message: str) -> None:
        """A population raised: one trial fails; of several each gets a try by itself.

        Raises:
            WorkerError: If more trials have failed than may.
        """
        trials = self._ledger.waiting_trials(population)
        if len(trials) == 1:
            self._ending.end_population(population)
            if not trials[0].status.is_final:  # otherwise a member of it had ended early
                self._ending.fail(trials[0], message)
        elif trials:
            last = message.strip().splitlines()[-1]
            self._say(f"{len(trials)} trials failed together ({last}); they go on one by one")
            self._populations.isolate(population, f"failed together: {last}")
        else:
            self._ending.end_population(population)

    def take_death(self, population: Population, cause: str) -> None:
        """A worker died: the population goes on from its last checkpoint, in another one.

        Raises:
            WorkerError: If more trials have failed than may.
        """
        trials = self._ledger.waiting_trials(population)
        population.deaths += 1
        if len(trials) == 1:
            trials[0].deaths += 1
        died = f"a worker died ({cause})"
        if not trials:
            self._ending.end_population(population)
        elif len(trials) == 1 and trials[0].deaths >= MOST_DEATHS:
            self.take(population, f"the worker died {MOST_DEATHS} times ({cause}). {WAY_OUT}")
        elif len(trials) > 1 and population.deaths >= MOST_DEATHS_TOGETHER:
            self._say(f"{died} again; the {len(trials)} trials that it had go on one by one")
            self._populations.isolate(population, f"a worker died {population.deaths} times on all together")
        else:
            names = f"trial {trials[0].number} goes" if len(trials) == 1 else f"{len(trials)} trials go"
            self._say(f"{died}; {names} on in a new one")
            self._populations.put_back(population)
