"""The judges of single pictures against pairs whose answer is known."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wan_streamer.eval.face_identity import FaceIdentityJudge
from wan_streamer.eval.picture_distance import PictureDistanceJudge
from wan_streamer.eval.validation.finding import Finding, separation

Picture = NDArray[np.uint8]
BLURS_PX: Final = (0.5, 1.0, 2.0, 4.0)
NOISES: Final = (4.0, 8.0, 16.0, 32.0)


def validate_identity(judge: FaceIdentityJudge, people: Sequence[Sequence[Picture]]) -> Finding:
    """Pairs of pictures of one person against pairs of two; `people` holds some pictures of each."""
    found = [[judge.embed(picture) for picture in pictures] for pictures in people]
    faces = [(person, face) for person, some in enumerate(found) for face in some if face is not None]
    same: list[float] = []
    other: list[float] = []
    for (first, one), (second, two) in itertools.combinations(faces, 2):
        (same if first == second else other).append(-judge.distance(one, two))
    picture_count = sum(map(len, people))
    right, threshold = separation(same, other) if same and other else (0.0, 0.0)
    return Finding(
        judge=judge.name,
        question="share of pairs of rendered pictures told right as same or other face",
        bound="at least",
        limit=0.9,
        value=right,
        case_count=len(same) + len(other),
        note=f"threshold {-threshold:.2f}; median same {-np.median(same):.2f}, other {-np.median(other):.2f}; "
        f"a face in {len(faces)} of {picture_count} pictures",
    )


def validate_picture_distance(judge: PictureDistanceJudge, pictures: Sequence[Picture]) -> Finding:
    """How often a stronger blur or noise is farther from the original."""
    rises: list[bool] = []
    for index, picture in enumerate(pictures):
        for row in (_blurred(picture), _noisy(picture, seed=index)):
            distances = judge.distances(np.stack([picture] * len(row)), np.stack(row))
            rises += [*(np.diff(distances) > 0), distances[0] > 0]
    return Finding(
        judge=judge.name,
        question="share of steps to a stronger blur or noise that are farther from the original",
        bound="at least",
        limit=0.98,
        value=float(np.mean(rises)),
        case_count=len(rises),
    )


def _blurred(picture: Picture) -> list[Picture]:
    image = Image.fromarray(picture)
    return [np.asarray(image.filter(ImageFilter.GaussianBlur(radius))) for radius in BLURS_PX]


def _noisy(picture: Picture, *, seed: int) -> list[Picture]:
    noise = np.random.default_rng(seed).normal(0, 1, picture.shape)
    return [np.clip(picture + level * noise, 0, 255).astype(np.uint8) for level in NOISES]
