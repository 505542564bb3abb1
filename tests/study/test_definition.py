from eksplora.study.definition import Definition


def test_outside_code_is_compared_where_it_was_recorded() -> None:
    now = Definition({"study.seed": 0, "code.sha256": "a", "code.mine.sha256": "b"})
    assert now.differences({"study.seed": 0, "code.sha256": "a"}) == []  # a study of an earlier version
    assert now.differences({"study.seed": 0, "code.sha256": "a", "code.mine.sha256": "c"}) == [
        "code.mine.sha256: c -> b"
    ]
    assert now.differences({"study.seed": 0, "code.sha256": "c"}) == ["code.sha256: c -> a"]
    assert Definition({}).differences({"code.mine.sha256": "b"}) == ["code.mine.sha256: b -> absent"]
