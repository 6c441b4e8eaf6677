"""What lies between a visitor's mouth and the samples: a room, a distance, a microphone."""

from dataclasses import dataclass
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput

# Lowest and highest frequency that the microphone passes, and how often: all that 16 kHz can hold, what old recordings
# hold, the telephone.
_BANDS_HZ: Final[tuple[tuple[tuple[float, float], float], ...]] = (
    ((60.0, 7800.0), 0.6),
    ((80.0, 5500.0), 0.2),
    ((300.0, 3400.0), 0.2),
)
_HUM_SHARE: Final = 0.3
_OVERDRIVE_SHARE: Final = 0.08
NO_HUM_DBFS: Final = float("-inf")
NO_FLOOR_DBFS: Final = float("-inf")


@dataclass(frozen=True, kw_only=True)
class Acoustics:
    """How one conversation sounds.

    Attributes:
        room_m: length, width and height.
        reverberation_s: until a sound has died away by 60 dB; 0 for no room at all.
        distance_m: of the visitors from the microphone; each stands a little elsewhere.
        low_hz, high_hz: what the microphone passes.
        level_dbfs: of the visitors' speech while they speak.
        floor_dbfs: of the microphone's own noise.
        hum_dbfs: of the mains in it.
        overdrive_db: how far the loudest sample would be beyond full scale if it were not cut off there; 0 for a gain
            that is not too high.

    Raises:
        InvalidInput: a number that cannot be.
    """

    room_m: tuple[float, float, float] = (6.0, 5.0, 3.0)
    reverberation_s: float = 0.0
    distance_m: float = 1.0
    low_hz: float = 0.0
    high_hz: float = 8000.0
    level_dbfs: float = -25.0
    floor_dbfs: float = NO_FLOOR_DBFS
    hum_dbfs: float = NO_HUM_DBFS
    overdrive_db: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.low_hz < self.high_hz <= 8000):
            raise InvalidInput(
                f"got a microphone from {self.low_hz} to {self.high_hz} Hz, expected 0 to 8000 and low below high",
                reason="ACOUSTICS",
            )
        if not (0 <= self.reverberation_s <= 3 and min(self.room_m) > 1 and 0 < self.distance_m < min(self.room_m[:2])):
            raise InvalidInput(
                f"got {self.reverberation_s} s in {self.room_m} m at {self.distance_m} m, expected 0 to 3 s, a room "
                "of more than 1 m and the visitor inside it",
                reason="ACOUSTICS",
            )
        if not (-60 <= self.level_dbfs <= 0 and 0 <= self.overdrive_db <= 40):
            raise InvalidInput(
                f"got {self.level_dbfs} dBFS and {self.overdrive_db} dB too loud, expected -60 to 0 and 0 to 40",
                reason="ACOUSTICS",
            )


def dry() -> Acoustics:
    """Nothing but the voices: no room, no noise, every frequency."""
    return Acoustics()


def draw_acoustics(random: Random) -> Acoustics:
    """A place where a kiosk may stand, from a small office to a hall, and a microphone that it may have."""
    size = random.random()
    low_hz, high_hz = random.choices([band for band, _ in _BANDS_HZ], [share for _, share in _BANDS_HZ])[0]
    return Acoustics(
        room_m=(
            3.5 + 12 * size + random.uniform(0, 2),
            3.0 + 9 * size + random.uniform(0, 2),
            2.5 + 3 * size + random.uniform(0, 0.5),
        ),
        reverberation_s=random.uniform(0.15, 0.45) + 0.5 * size * random.random(),
        distance_m=random.uniform(0.4, 2.0),
        low_hz=low_hz,
        high_hz=high_hz,
        level_dbfs=random.uniform(-35, -15),
        floor_dbfs=random.uniform(-80, -60),
        hum_dbfs=random.uniform(-75, -55) if random.random() < _HUM_SHARE else NO_HUM_DBFS,
        overdrive_db=random.uniform(2, 9) if random.random() < _OVERDRIVE_SHARE else 0.0,
    )
