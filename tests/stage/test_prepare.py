import shutil

import pytest

from eksplora.config import compose_request
from eksplora.stage.prepare import prepare


@pytest.fixture
def request_for_digits(tmp_path):
    return compose_request("prepare", ["data=digits", f"paths.data={tmp_path}"])


def test_both_forms_are_made_and_the_command_says_where_they_are(tmp_path, capsys, request_for_digits):
    prepare(request_for_digits)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"digits: {tmp_path}/prepared/digits"
    assert shown[-1] == f"  raw       {tmp_path}/raw/digits"
    raw = sorted(path.name for path in (tmp_path / "raw" / "digits").iterdir())
    assert raw == ["card.json", "features.npy", "targets.npy"]


def test_a_prepared_form_without_a_raw_one_is_left_so_and_said(tmp_path, capsys, request_for_digits):
    prepare(request_for_digits)
    shutil.rmtree(tmp_path / "raw")
    capsys.readouterr()
    prepare(request_for_digits)
    assert capsys.readouterr().out.splitlines()[-1] == "  raw       none; the prepared form does not need it"
    assert not (tmp_path / "raw").exists()
