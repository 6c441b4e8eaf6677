"""Looks at a talk's film; what was seen is kept beside it."""

import hashlib
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.heard import US_PER_S, Heard, Stretch
from wan_streamer.eval.conversations.looked import Curve, Looked, SeenLips
from wan_streamer.eval.conversations.talk_folder import FILM, TalkFolder
from wan_streamer.eval.face_landmarks import FaceLandmarkJudge
from wan_streamer.eval.face_measures import measure_face
from wan_streamer.eval.lip_offset import find_lip_offset
from wan_streamer.eval.openness import load_openness
from wan_streamer.train.data.sources.atomic import atomic_file
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.unit import FRAME_US

FACE: Final = "face.npz"
# Counts changes of how it is looked.
WAY: Final = 1
# MediaPipe finds small faces better when they are enlarged.
FACE_SCALE: Final = 3.0
LEAST_US: Final = 2 * US_PER_S


class Onlooker:
    """Asks the judge of faces."""

    def __init__(self, cache: DataCache) -> None:
        self.judge = FaceLandmarkJudge(cache)

    def look(self, folder: TalkFolder, heard: Heard) -> Looked:
        """What is seen in a talk, the face from its file of an earlier time if the film has not changed since.

        Raises:
            InvalidInput: the talk is damaged, or the judge is unavailable.
            OSError: a file cannot be read or written.
        """
        lip_gap, pitch = self._face(folder)
        samples, rate_hz = folder.sound()
        openness = load_openness().hear(samples, rate_hz)
        long = [one for one in heard.stretches if one.end_us - one.begin_us >= LEAST_US]
        return Looked(pitch=pitch, lips=tuple(_lips(one, lip_gap, openness) for one in long))

    def _face(self, folder: TalkFolder) -> tuple[Curve, Curve]:
        digest = hashlib.sha256((folder.path / FILM).read_bytes()).hexdigest()
        key, file = f"{WAY} {digest[:32]}", folder.path / FACE
        if file.is_file():
            with np.load(file) as arrays:
                if str(arrays["key"]) == key:
                    return arrays["lip_gap"], arrays["pitch"]
        (landmarks,) = self.judge.landmarks([np.stack(list(folder.frames()))], scale=FACE_SCALE)
        face = measure_face(landmarks)
        with atomic_file(file) as target:
            np.savez(target, key=np.asarray(key), lip_gap=face.lip_gap, pitch=face.pitch)
        return face.lip_gap, face.pitch


def _lips(stretch: Stretch, lip_gap: Curve, openness: Curve) -> SeenLips:
    first, last = stretch.begin_us // FRAME_US, -(-stretch.end_us // FRAME_US)
    steps = openness[first * 4 : last * 4 + 1]
    try:
        offset = find_lip_offset(lip_gap[first:last], steps)
    except InvalidInput as error:
        if error.reason != "LIPS":
            raise
        offset = None
    return SeenLips(begin_us=stretch.begin_us, end_us=stretch.end_us, offset=offset)
