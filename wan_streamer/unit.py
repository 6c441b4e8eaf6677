"""The clock of a conversation: units of 160 ms at 25 frames a second.

This is the only file that holds these two numbers; everything else derives from it. A unit's index is the clock, time
is derived from it in integers, so nothing here can drift.
"""

UNIT_MS = 160
FRAMES_PER_SECOND = 25

UNIT_US = UNIT_MS * 1000
FRAME_US = 1_000_000 // FRAMES_PER_SECOND
FRAMES_PER_UNIT = UNIT_MS * FRAMES_PER_SECOND // 1000


def samples_per_unit(sample_rate_hz: int) -> int:
    """Audio samples of one unit.

    Raises:
        ValueError: the rate does not give a whole number of samples a unit.
    """
    samples, rest = divmod(sample_rate_hz * UNIT_MS, 1000)
    if rest or samples <= 0:
        raise ValueError(
            f"got a sample rate of {sample_rate_hz} Hz, expected one with a whole number of samples in {UNIT_MS} ms; "
            "use 8000, 16000, 24000 or 48000"
        )
    return samples


def unit_start_us(unit_index: int) -> int:
    """Media time at which a unit begins, in microseconds since the first capture."""
    return unit_index * UNIT_US


def unit_end_us(unit_index: int) -> int:
    """Media time at which a unit ends (exclusive), in microseconds since the first capture."""
    return (unit_index + 1) * UNIT_US
