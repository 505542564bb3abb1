import errno
import re
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException

from eksplora.cli.errors import readable_errors
from eksplora.config import compose_root, explain
from eksplora.errors import ConfigError, DataError, Interrupted, WorkerError


def ending(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str]:
    """Exit code and standard error of a command that ends with an error."""
    with pytest.raises(SystemExit) as left, readable_errors("search"):
        raise error
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("study.n_trials must be at least 1."), 2),
        (DataError("card.json is missing."), 2),
        (WorkerError("six trials failed"), 1),
        (Interrupted("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "mlruns/x"), 2),
        (OSError(errno.EROFS, "Read-only file system", "mlruns/x"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "mlruns/x"), 2),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "mlruns/x"), 2),
    ],
)
def test_what_was_foreseen_ends_with_one_line_and_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    left, shown = ending(error, capsys)
    assert left == code
    assert re.fullmatch(r"error: \S[^\n]*\n", shown)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("ours"), FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("odd"), ValueError("ours")],
)
def test_what_nobody_foresaw_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, readable_errors("search"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["optimzer=adam"], "optimzer: no such key. Did you mean 'optimizer'?"),
        (["zzz=1"], "zzz: no such key. Valid: activation, augmentation,"),
        (["study.n_trial=3"], "study.n_trial: no such key. Did you mean 'study.n_trials'?"),
        (
            ["optimizer.momentum=0.9"],
            "optimizer.momentum: no such key with this optimizer. It needs optimizer=momentum or ",
        ),
        (["optimizer=adm"], "optimizer=adm: no such file in conf/optimizer/. Did you mean 'adam'?"),
        (["study.n_trials=abc"], "study.n_trials: 'abc' is of the wrong type. Give a whole number."),
        (["dropout.rate=a"], "dropout.rate: 'a' is of the wrong type. Give a number."),
        (
            ["study.versioned=7.5"],
            "study.versioned: '7.5' is of the wrong type. Give true",
        ),
        (["study.seed=true"], "study.seed: 'true' is of the wrong type. Give a whole number."),
        (["study.seed=null"], "study.seed: 'null' is of the wrong type. Give a value that is not null."),
        (["study.name=[1]"], "study.name: '[1]' is of the wrong type. Give text."),
        (["space.params=3"], "space.params: '3' cannot stand for all of its keys. Set one of space.params.<key>."),
        (["study=3"], "study: '3' cannot stand for all of its keys. Set one of study.batch, study.checkpoint_"),
        (["+optimizer=sgd"], "optimizer: is chosen already. Write optimizer=... without +."),
        (["~study.seeds"], "study.seeds: no such key. Did you mean 'study.seed'?"),
    ],
)
def test_hydras_errors_name_key_value_and_way_out_in_our_words(overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigCompositionException, match=r"overrid|find|delete|Multiple") as caught:
        compose_root("search", overrides)
    assert explain(caught.value, "search").startswith(expected)


def test_a_call_on_an_open_file_is_reported_with_the_files_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def locks(lock: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # as flock does: without a name

    with pytest.raises(SystemExit), readable_errors("search"):
        locks(tmp_path / "lock")
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'lock'}: Operation not permitted. ")
