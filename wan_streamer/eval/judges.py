"""All judges, those that cannot run here included."""

from wan_streamer.eval.activity import ActivityJudge
from wan_streamer.eval.face_identity import FaceIdentityJudge
from wan_streamer.eval.face_landmarks import FaceLandmarkJudge
from wan_streamer.eval.judge import Judge
from wan_streamer.eval.lips import LipJudge
from wan_streamer.eval.missing import missing_judges
from wan_streamer.eval.picture_distance import PictureDistanceJudge
from wan_streamer.eval.quality import QualityJudge
from wan_streamer.eval.speaker import SpeakerJudge
from wan_streamer.eval.webrtc_activity import WebrtcActivityJudge
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.sources.cache import DataCache


def all_judges(cache: DataCache) -> tuple[Judge, ...]:
    """Every judge; making them loads nothing."""
    return (
        WordJudge(cache),
        QualityJudge(cache),
        ActivityJudge(cache),
        WebrtcActivityJudge(),
        SpeakerJudge(cache),
        FaceLandmarkJudge(cache),
        LipJudge(cache),
        FaceIdentityJudge(cache),
        PictureDistanceJudge(cache),
        *missing_judges(),
    )
