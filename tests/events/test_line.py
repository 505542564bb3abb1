import json
from dataclasses import asdict, is_dataclass

import hostile_spools

from eksplora.events.event import KINDS, Other, StudyEvent, TrialEvent
from eksplora.events.line import from_json, kind_of, to_json


def test_an_event_comes_back_as_it_was_written() -> None:
    for kind, data in hostile_spools.small_study("small"):
        body = from_json(kind, data)
        assert type(body) is KINDS[kind] and kind_of(body) == kind
        written = json.loads(json.dumps(to_json(body), default=asdict))
        assert from_json(kind, written) == body


def test_what_lies_inside_an_event_has_its_type_too() -> None:
    study = dict(hostile_spools.small_study("small"))
    first, trial = from_json("study", study["study"]), from_json("trial", study["trial"])
    assert isinstance(first, StudyEvent) and (first.dataset is None or is_dataclass(first.dataset))
    assert isinstance(trial, TrialEvent) and all(is_dataclass(member) for member in trial.members)


def test_a_kind_of_a_newer_version_is_kept_as_it_is_and_keys_of_one_are_passed_over() -> None:
    other = from_json("seance", {"a": 1})
    assert other == Other("seance", {"a": 1}) and kind_of(other) == "seance" and to_json(other) == {"a": 1}
    known = dict(hostile_spools.small_study("small"))["stop"]
    assert from_json("stop", {**known, "mood": "good"}) == from_json("stop", known)
