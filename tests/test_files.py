"""Files in two places: one content on the disk where that is possible, never one that changes in both."""

import os
from pathlib import Path

import pytest
from spooling import put

from eksplora.events.spool import Spool
from eksplora.files import link_or_copy


def test_a_file_is_linked_and_replacing_one_leaves_the_other(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("first")
    target.write_text("old")
    link_or_copy(source, target)
    assert target.samefile(source)
    new = tmp_path / "new"
    new.write_text("second")
    new.replace(source)  # as every writer here does
    assert (source.read_text(), target.read_text()) == ("second", "first")


def test_lines_added_to_a_linked_spool_are_in_both(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    put(spool, "study", name="first")
    link_or_copy(spool.path, tmp_path / "copy")
    put(spool, "stop", message="second")
    spool.close()
    assert (tmp_path / "copy").samefile(spool.path)
    assert [line.count(b"kind") for line in (tmp_path / "copy").read_bytes().splitlines()] == [1, 1]


def test_where_nothing_can_be_linked_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_text("text")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "text" and not (tmp_path / "b").samefile(tmp_path / "a")
