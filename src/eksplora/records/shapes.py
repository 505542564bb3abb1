"""Errors of records whose content is of another kind than their stages write."""

from collections.abc import Iterator
from contextlib import contextmanager

from eksplora.errors import DataError, EksploraError


@contextmanager
def drawn_from(source: object, way_out: str) -> Iterator[None]:
    """Turn what goes wrong while facts are put into words and pictures into an error that names where they came from.

    What is drawn is a function of the facts alone, and of more of their keys than anybody would list.

    Raises:
        DataError: If facts lack a key, or one is of another kind.
    """
    try:
        yield
    except EksploraError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise DataError(f"{source} does not hold what its stages write ({reason}). {way_out}") from error
