"""A film of a made conversation to look at: both pictures, both voices, what is said and every label."""

from wan_streamer.train.data.preview.film import write_preview

__all__ = ["write_preview"]
