import pytest

from eksplora.errors import ConfigError, follows


def test_an_error_raised_again_while_its_consequence_is_handled_is_followed_to_an_end() -> None:
    """A part's refusal, wrapped by Hydra, is unwrapped and raised: the two name each other."""
    refusal = ConfigError("data.batch_size must be positive")
    with pytest.raises(ConfigError, match="batch_size") as caught:
        try:
            raise RuntimeError("wrapped") from refusal
        except RuntimeError as error:
            raise error.__cause__ from None  # type: ignore[misc]
    assert caught.value.__context__ is not None
    assert caught.value.__context__.__cause__ is caught.value
    assert not follows(caught.value, KeyboardInterrupt)
    assert follows(caught.value, RuntimeError)


def test_a_long_chain_of_errors_is_followed_without_recursion() -> None:
    error: BaseException = KeyboardInterrupt()
    for number in range(10_000):
        outer = ValueError(number)
        outer.__context__ = error
        error = outer
    assert follows(error, KeyboardInterrupt)
    assert not follows(error, TypeError)
