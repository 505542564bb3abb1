"""Losses of rows beside an exploration: read back as they were, and refused where they are not those of the members."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from eksplora.errors import DataError, EksploraError
from eksplora.exploration.numbers import RowResult, StudyResult
from eksplora.exploration.rows import NAME, compact, read_rows, write_rows
from eksplora.statistics.generalization import Sample
from eksplora.untrusted import sha256

RNG = np.random.default_rng(0)
FOLDS = np.where(np.arange(12) % 3 == np.arange(3)[:, None], RNG.gamma(2, size=(3, 12)), np.nan)  # (members, rows)
RIGHT = (RNG.random((3, 20)) < 0.8).astype(float)


def sample_of(losses: NDArray[np.float64], **beside: Any) -> Sample:
    return compact(Sample(np.nanmean(losses, axis=1), np.arange(3), 0.5, losses.shape[1], losses, **beside))


def studies_of(**samples: Sample) -> dict[str, StudyResult]:
    columns = {name: sample.values.tolist() for name, sample in samples.items()}
    rows = {"a, 1": RowResult(0, "finished", "", columns, samples), "b": RowResult(1, "diverged", "it did", {})}
    study = StudyResult(
        study="s", id="", base="b", rows=rows, winner={}, metric="mae", direction="minimize", provenance={}
    )
    return {"units": study}


@pytest.fixture
def studies() -> dict[str, StudyResult]:
    groups, weights = np.arange(20) // 2, RNG.uniform(1, 2, 20)
    weighed = sample_of(RIGHT, groups=groups, weights=weights)
    return studies_of(val=sample_of(FOLDS), test=replace(weighed, values=(RIGHT * weights).sum(1) / weights.sum()))


def test_losses_come_back_as_they_were(studies: dict[str, StudyResult], tmp_path: Path) -> None:
    known = write_rows(tmp_path, studies)
    found = read_rows(tmp_path, studies, known, way_out="Go.")["units"].rows
    for column, sample in studies["units"].rows["a, 1"].samples.items():
        again = found["a, 1"].samples[column]
        for part in ("values", "splits", "losses", "groups", "weights"):
            own, other = getattr(sample, part), getattr(again, part)
            assert (own is None and other is None) or np.array_equal(own, other, equal_nan=part == "losses")
        assert (again.ratio, again.num_rows, again.scope) == (sample.ratio, sample.num_rows, sample.scope)
    assert load_file(tmp_path / NAME)["units/a, 1/test/losses"].dtype == np.uint8, "shares of rows are kept as bytes"
    assert found["b"].samples == {}


def test_without_losses_there_is_no_file(tmp_path: Path) -> None:
    studies = studies_of()
    assert write_rows(tmp_path, studies) == "" and not (tmp_path / NAME).exists()
    assert read_rows(tmp_path, studies, "", way_out="Go.") == studies


def test_a_file_that_is_missing_or_another_is_refused(studies: dict[str, StudyResult], tmp_path: Path) -> None:
    known = write_rows(tmp_path, studies)
    with pytest.raises(DataError, match=r"rows\.safetensors is not the file that explore\.json was written with\. Go"):
        read_rows(tmp_path, studies, "0" * 64, way_out="Go.")
    (tmp_path / NAME).unlink()
    with pytest.raises(DataError, match=r"rows\.safetensors is missing\. Go"):
        read_rows(tmp_path, studies, known, way_out="Go.")


def test_losses_that_do_not_add_up_to_the_members_values_are_refused(
    studies: dict[str, StudyResult], tmp_path: Path
) -> None:
    write_rows(tmp_path, studies)
    arrays = load_file(tmp_path / NAME)
    arrays["units/a, 1/val/losses"][1] += 0.5
    save_file(arrays, tmp_path / NAME)
    with pytest.raises(EksploraError, match=r"val of units/a, 1 does not follow from the runs .* losses of member 1 "):
        read_rows(tmp_path, studies, sha256(tmp_path / NAME), way_out="Go.")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("losses", np.zeros((2, 12), np.float32)),
        ("losses", np.full((3, 12), np.inf, np.float32)),
        ("rows", np.arange(12)[::-1].copy()),
        ("rows", np.arange(12) + 5),
        ("splits", np.arange(4)),
        ("facts", np.array([0.0, 12.0])),
        ("facts", np.array([0.5, 1e300])),
        ("groups", np.arange(3)),
        ("weights", np.full(12, -1.0)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    studies: dict[str, StudyResult], tmp_path: Path, name: str, array: NDArray[Any]
) -> None:
    write_rows(tmp_path, studies)
    save_file({**load_file(tmp_path / NAME), f"units/a, 1/val/{name}": array}, tmp_path / NAME)
    with pytest.raises(DataError, match=r"val of units/a, 1 is damaged: its arrays do not fit each other"):
        read_rows(tmp_path, studies, sha256(tmp_path / NAME), way_out="Go.")


def test_whatever_the_file_holds_it_is_read_or_refused_in_one_line(
    studies: dict[str, StudyResult], tmp_path: Path
) -> None:
    write_rows(tmp_path, studies)
    content, refused, draw = (tmp_path / NAME).read_bytes(), 0, np.random.default_rng(0)
    flipped = []
    for place in draw.integers(0, len(content), 60):
        changed = bytearray(content)
        changed[place] ^= 1 << draw.integers(8)
        flipped.append(bytes(changed))
    for text in (b"", b"{}", b"\xff" * 100, content[:50], content[:-1], *flipped):
        (tmp_path / NAME).write_bytes(text)
        try:
            read_rows(tmp_path, studies, sha256(tmp_path / NAME), way_out="Go.")
        except EksploraError as error:
            assert "\n" not in str(error), error
            refused += 1
    assert refused > 20
