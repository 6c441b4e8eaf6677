"""From times to samples."""

from typing import Final

_SECOND_US: Final = 1_000_000


def sample_at(time_us: int, rate_hz: int) -> int:
    """The sample that is nearest to a time."""
    return (time_us * rate_hz + _SECOND_US // 2) // _SECOND_US
