"""How calls of the interface end."""

import signal
import subprocess
import sys

import pytest

from eksplora.errors import ConfigError, Interrupted
from eksplora.interface.running import in_one_line
from eksplora.study.interruption import interrupted


def ended_by(error: Exception) -> None:
    """Call a function of the interface that ends so."""

    @in_one_line
    def call() -> None:
        raise error

    call()


def test_ctrl_c_stays_pythons_own_exception() -> None:
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        ended_by(interrupted(signal.SIGINT))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_that_ends_a_script_leaves_one_line_and_its_exit_code(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        ended_by(interrupted(number))
    assert raised.value.code == 128 + number
    assert capsys.readouterr().err == "error: stopped; the same command goes on where it was left\n"


def test_what_no_signal_ended_is_an_error_of_one_line_that_names_arguments() -> None:
    too_short = Interrupted("no trial finished.\nGive study.n_trials more time.")
    too_short.exit_code = 1
    with pytest.raises(Interrupted, match=r"^no trial finished\. Give trials more time\.$"):
        ended_by(too_short)
    with pytest.raises(ConfigError, match=r"^data: no file\.$"):
        ended_by(ConfigError("data.path: no file."))


@pytest.mark.slow
def test_a_notebook_without_widgets_is_not_warned_of_bars_that_it_never_shows() -> None:
    program = (
        "import sys, types, warnings; ipython = types.ModuleType('IPython'); "
        "shell = types.SimpleNamespace(config={'IPKernelApp': {}}); ipython.get_ipython = lambda: shell; "
        "sys.modules |= {'IPython': ipython, 'ipykernel.zmqshell': ipython}; "
        "from eksplora.interface.running import session; "
        "session().__enter__(); print('optuna' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True" and "IProgress" not in done.stderr
    bare = program.partition("from eksplora")[0] + "import tqdm.auto"
    warned = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=True)
    assert "IProgress not found" in warned.stderr, "such a session would be warned"
