import pytest

from eksplora.cli.arguments import read_arguments
from eksplora.config import gather_space
from eksplora.errors import ConfigError


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("study.n_trials=[", r"^'study\.n_trials=\[' cannot be read\. Write key=value"),
        ("study.n_trials", r"^'study\.n_trials' cannot be read"),
        ("=3", "^'=3' cannot be read"),
        ("study.n_trials=1,2", r"^study\.n_trials: one value is wanted, got 1,2\. Give one\.$"),
        ("optimizer.lr=choice(1,2)", r"or search over them: space\.params\.optimizer\.lr=choice\(1,2\)\.$"),
        ("model=null", r"^model=null: no such file in conf/model/\. Valid: cnn, cnn_4x4, "),
        ("optimizer=5", r"^optimizer=5: no such file in conf/optimizer/"),
        ("--multirun", "^--multirun: no such option"),
        ("--cgf", r"^--cgf: no such option\. Did you mean '--cfg'\?$"),
        ("-x", "^-x: no such option"),
        ("+hydra.searchpath=[file://x]", r"is said only at a command line, without a sign before it"),
    ],
)
def test_an_argument_that_cannot_be_read_is_named(argument: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        read_arguments([argument])


def test_arguments_in_hydras_grammar_are_taken() -> None:
    words = ["optimizer=sgd", "+data.x=1", "~tracker.uri", "model.widths=[1, 2]", "study.name='a b'", "a.b={c: 1}"]
    options = read_arguments(words)
    assert (options.overrides, options.cfg, options.resolve, options.package) == (words, None, False, None)
    options = read_arguments(["--cfg", "job", "--package", "optimizer", "--resolve", "study.seed=1"])
    assert (options.overrides, options.cfg, options.resolve) == (["study.seed=1"], "job", True)
    assert options.package == "optimizer"


def test_only_overrides_of_the_space_are_moved() -> None:
    assert gather_space(["space=mlp", "data.batch_size=2", "--cfg"]) == ["space=mlp", "data.batch_size=2", "--cfg"]
    moved = gather_space(["space.params.a.b=1", "study.seed=1", "~space.params.c", "+space.when.a.b=d=e"])
    assert moved == ["study.seed=1", 'space.overrides=["params.a.b=1","params.c=null","when.a.b=d=e"]']


@pytest.mark.parametrize("word", ["hydra.run.dir=x", "+hydra.callbacks.x._target_=y", "hydra/job_logging=default",
                                  "~hydra", "++hydra={}", "model@hydra.x=mlp", "hydra=x"])  # fmt: skip
def test_what_belongs_to_hydra_cannot_be_typed(word: str) -> None:
    with pytest.raises(ConfigError, match="the node 'hydra' is not set here"):
        read_arguments([word])


@pytest.mark.parametrize("word", ["space.params={a: 1}", "+space.when={}", "~space.params"])
def test_a_space_is_not_set_as_a_whole(word: str) -> None:
    with pytest.raises(ConfigError, match=r"^[+~]?space\.\w+: is not set as a whole\. Write space\.params"):
        gather_space([word])


@pytest.mark.parametrize("word", ["model=/etc/passwd", "experiment=../x", "data=a/b", "optimizer=[adam]", "loss=''"])
def test_a_choice_is_the_name_of_a_file(word: str) -> None:
    with pytest.raises(ConfigError, match=r"no such file in conf/"):
        read_arguments([word])
