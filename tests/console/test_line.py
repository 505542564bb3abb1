import pytest
from rich.cells import cell_len

from eksplora.console.line import Line, RunningPopulation

FULL = Line(
    title="boston_mlp",
    count="8/20",
    best="1.79",
    best_name="trial 3",
    running=[RunningPopulation("trial 8", "epoch 41/200", "2.10")],
    left="about 4 min left",
)


def test_in_full_it_has_all() -> None:
    said = "boston_mlp 8/20 · best 1.79 (trial 3) · trial 8 epoch 41/200 2.10 · about 4 min left"
    assert FULL.in_full() == said
    assert FULL.fitted(200) == said


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (79, "boston_mlp 8/20 · best 1.79 · trial 8 epoch 41/200 2.10 · about 4 min left"),
        (73, "boston_mlp 8/20 · best 1.79 · trial 8 epoch 41/200 2.10 · ~4 min left"),
        (62, "boston_mlp 8/20 · best 1.79 · epoch 41/200 · about 4 min left"),
        (50, "boston_mlp 8/20 · best 1.79 · about 4 min left"),
        (39, "boston_mlp 8/20 · about 4 min left"),
        (30, "boston… 8/20 · about 4 min left"[:30]),
    ],
)
def test_what_matters_least_goes_first(width: int, said: str) -> None:
    if width != 30:
        assert FULL.fitted(width) == said
    assert FULL.fitted(width).endswith("left")


@pytest.mark.parametrize("title", ["study", "株価の予測" * 5, "a-very-long-name-of-a-study" * 4, ""])
def test_it_fits_any_width_and_keeps_the_time_as_long_as_it_can(title: str) -> None:
    running = [
        RunningPopulation(f"trial {number} seed 3, fold 2", f"epoch {number}/200", "2.10") for number in range(8)
    ]
    line = Line(title, "8/20", "1.79", "the experiment's own", running, "about 4 min left")
    for width in range(1, 300):
        assert cell_len(line.fitted(width)) <= width
        if width >= 24:
            assert line.fitted(width).endswith("8/20 · about 4 min left") or " · " in line.fitted(width)
            assert line.fitted(width).endswith(("about 4 min left", "~4 min left"))


def test_the_usual_terminal_shows_the_current_value_of_late_trials_too() -> None:
    for left in ("about 30 min left", "less than 10 s left", "about 2.5 h left"):
        running = [
            RunningPopulation("trial 19", "epoch 141/200", "0.958"),
            RunningPopulation("trial 18", "epoch 1/200"),
        ]
        assert " 0.958 · " in Line("boston_mlp-tpe", "18/20", "1.79", "trial 3", running, left).fitted(79)


def test_several_that_train_are_all_shown_where_there_is_room() -> None:
    line = Line(
        "study", "0/4", running=[RunningPopulation("trial 0", "epoch 2/9", "1.00"), RunningPopulation("trial 1")]
    )
    assert line.fitted(119) == "study 0/4 · trial 0 epoch 2/9 1.00, trial 1"
    assert line.fitted(42) == "study 0/4 · trial 0 epoch 2/9 1.00"
