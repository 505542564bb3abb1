"""A user's own table: what is in the file, what is decided about it, and the numbers that are made of it.

`examine` is a pure function of a file and of `TableOptions`; the `TableCard` that it returns holds every decision, so
that later files go the same way.
"""

from eksplora.table.card import Column, TableCard, TableOptions
from eksplora.table.examination import examine, fingerprint_of

__all__ = ["Column", "TableCard", "TableOptions", "examine", "fingerprint_of"]
