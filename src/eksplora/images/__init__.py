"""A user's own images: which files there are, what is decided about them, and the pixels that are made of them.

`examine` looks at every file, but decodes none. The `ImagesCard` that it returns holds every decision, so that later
files go the same way.
"""

from eksplora.images.card import ImageOptions, ImagesCard
from eksplora.images.examination import examine

__all__ = ["ImageOptions", "ImagesCard", "examine"]
