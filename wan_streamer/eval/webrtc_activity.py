"""A second opinion on speech activity: WebRTC's detector, which knows energy and spectra and no words."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.requirements import find_modules
from wan_streamer.eval.sound import JUDGE_RATE_HZ, at_rate

FRAME_SAMPLES: Final = 160
STRICTEST: Final = 3
FULL_SCALE: Final = 32767


class WebrtcActivityJudge:
    """Speech or not, every 10 ms. It takes many noises for speech: where it and Silero differ, look."""

    name = "speech activity 2"
    measures = "share of frames with speech, a second opinion (WebRTC's detector)"

    def availability(self) -> Availability:
        """Needs webrtcvad-wheels."""
        return find_modules(("webrtcvad",))

    def frames(self, samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.bool_]:
        """Whether there is speech in each whole frame of 10 ms of mono samples, [S]; [frames].

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        require(self)
        import webrtcvad

        detector = webrtcvad.Vad(STRICTEST)
        sound = (np.clip(at_rate(samples, rate_hz), -1, 1) * FULL_SCALE).astype("<i2")
        count = len(sound) // FRAME_SAMPLES
        pieces = sound[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)
        return np.asarray([detector.is_speech(piece.tobytes(), JUDGE_RATE_HZ) for piece in pieces], bool)
