import pytest

from eksplora.errors import ConfigError
from eksplora.tracker.address import VARIABLE, chosen, masked
from eksplora.tracker.mlflow import MlflowTracker


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:topsecret@host:5000", "http://***@host:5000"),
        ("https://topsecret@host/path", "https://***@host/path"),
        ("postgresql+psycopg2://ann:top@se/cret@host/db", "postgresql+psycopg2://***@host/db"),
        ("http://host:5000?token=topsecret&x=1", "http://host:5000?token=***&x=***"),
        ("error: tracker.uri='mysql://a:topsecret@h/d?key=topsecret' is bad.", "error: tracker.uri='mysql://***@h/d?key=***"),
        ("http://host:5000/#/experiments", "http://host:5000/#/experiments"),
        ("sqlite:////srv/ann@work/a?b=c/mlflow.db", "sqlite:////srv/ann@work/a?b=c/mlflow.db"),
        ("models:/eksplora-wine@champion", "models:/eksplora-wine@champion"),
    ],
)  # fmt: skip
def test_passwords_and_tokens_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert masked(text).startswith(shown)
    assert "topsecret" not in masked(text)


def test_the_environment_names_the_address_where_the_configuration_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen(None, "mlruns/mlflow.db") == ("sqlite:///mlruns/mlflow.db", "")
    assert chosen("http://a:1", "mlruns/mlflow.db") == ("http://a:1", "")
    monkeypatch.setenv(VARIABLE, "http://ann:topsecret@b:2")
    uri, notice = chosen(None, "mlruns/mlflow.db")
    assert uri == "http://ann:topsecret@b:2"
    assert notice == f"MLflow at http://***@b:2, which {VARIABLE} names (tracker.uri=... names another one)"
    uri, notice = chosen("http://a:1", "mlruns/mlflow.db")
    assert uri == "http://a:1"
    assert notice == f"MLflow at http://a:1, which tracker.uri names, not at http://***@b:2 of {VARIABLE}"
    assert chosen("http://ann:topsecret@b:2", "mlruns/mlflow.db")[1] == "", "both say the same"
    monkeypatch.setenv(VARIABLE, "")
    assert chosen(None, "mlruns/mlflow.db") == ("sqlite:///mlruns/mlflow.db", "")


def test_an_address_of_the_environment_that_cannot_be_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "databricks")
    with pytest.raises(ConfigError, match=f"{VARIABLE} must be a database or a server, got 'databricks'"):
        MlflowTracker(uri=None, database="mlflow.db", artifacts="artifacts", timeout_seconds=1)
