"""The process in which MediaPipe runs, replaced by programs that fail in every way; and measures of known faces."""

import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.eval import face_landmarks
from wan_streamer.eval.face_landmarks import LANDMARK_COUNT, FaceLandmarkJudge
from wan_streamer.eval.face_measures import find_blinks, measure_face
from wan_streamer.eval.judge import Unavailable

FILM = np.zeros((3, 64, 64, 3), np.uint8)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment whose interpreter is this one."""
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return tmp_path / "environment"


def judge_with(environment: Path, source: str) -> FaceLandmarkJudge:
    program = environment / "program.py"
    program.write_text(
        "import os, pathlib, signal, sys\nimport numpy as np\nfolder = pathlib.Path(sys.argv[1])\n" + source
    )
    return FaceLandmarkJudge(environment=environment, program=program)


def test_films_go_out_and_landmarks_come_back(environment: Path) -> None:
    """Each film gets the landmarks that were found in its own frames, at the scale that was asked for."""
    source = """
for path in sorted(folder.glob("[0-9][0-9][0-9].npy")):
    frames = np.load(path)
    points = np.zeros((len(frames), 478, 3), np.float32) + frames[:, 0, 0, 0, None, None] * float(sys.argv[2])
    np.save(path.with_suffix(".landmarks.npy"), points)
"""
    first, second = FILM + 1, np.concatenate([FILM, FILM]) + np.uint8(2)
    found = judge_with(environment, source).landmarks([first, second], scale=3)
    assert [points.shape for points in found] == [(3, LANDMARK_COUNT, 3), (6, LANDMARK_COUNT, 3)]
    assert [points[0, 0, 0] for points in found] == [3.0, 6.0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sys.exit('no model')", r"ended with 1 \(no model\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("pass", "got no landmarks"),
        ("(folder / '000.landmarks.npy').write_bytes(b'garbage')", "got no landmarks"),
        ("(folder / '000.landmarks.npy').write_bytes(b'')", "got no landmarks"),
        ("np.save(folder / '000.landmarks.npy', np.zeros((2, 5)))", r"another shape, expected \[3, 478, 3\]"),
    ],
)
def test_a_process_that_fails_is_an_error_that_says_how(environment: Path, source: str, message: str) -> None:
    """Ended, killed, nothing written, garbage, an empty file, another shape: each has its own message."""
    with pytest.raises(InvalidInput, match=message) as raised:
        judge_with(environment, source).landmarks([FILM])
    assert raised.value.reason == "JUDGE_FAILED"


def test_a_process_that_hangs_is_ended(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit it is killed and the message says so."""
    monkeypatch.setattr(face_landmarks, "START_LIMIT_S", 0.2)
    monkeypatch.setattr(face_landmarks, "FRAME_LIMIT_S", 0.0)
    with pytest.raises(InvalidInput, match="got no landmarks within"):
        judge_with(environment, "signal.pause()").landmarks([FILM])


def test_a_missing_environment_is_a_reason(tmp_path: Path) -> None:
    """The judge says which command makes it, and refuses to work."""
    judge = FaceLandmarkJudge(environment=tmp_path / "none")
    found = judge.availability()
    assert isinstance(found, Unavailable)
    assert "wan-streamer eval setup" in found.reason or "Python 3.12" in found.reason
    with pytest.raises(InvalidInput, match="got no face landmarks judge"):
        judge.landmarks([FILM])


def test_what_is_no_film_is_refused(environment: Path) -> None:
    """Floats, a single picture and no frames are bad input, found before any process starts."""
    judge = judge_with(environment, "sys.exit('started')")
    for film in (FILM.astype(np.float32), FILM[0], FILM[:0]):
        with pytest.raises(InvalidInput, match="expected uint8"):
            judge.landmarks([film])


def face(frames: int) -> np.ndarray:
    """Landmarks of a made-up face that looks straight ahead: only the points that are measured."""
    points = np.zeros((frames, LANDMARK_COUNT, 3), np.float32)
    places = {10: (50, 0), 168: (50, 40), 152: (50, 120), 234: (0, 60), 454: (100, 60), 78: (35, 90), 308: (65, 90)}
    for upper, lower, x in ((13, 14, 50), (82, 87, 45), (312, 317, 55)):
        places |= {upper: (x, 90), lower: (x, 90)}
    for x, corners, lids, iris in (
        (30, (33, 133), ((159, 145), (158, 153), (160, 144)), 468),
        (70, (362, 263), ((386, 374), (385, 380), (387, 373)), 473),
    ):
        places |= {corners[0]: (x - 10, 45), corners[1]: (x + 10, 45), iris: (x, 45)}
        for upper, lower in lids:
            places |= {upper: (x, 42), lower: (x, 48)}
    for index, place in places.items():
        points[:, index, :2] = place
    return points


def test_an_open_mouth_and_shut_eyes_are_measured() -> None:
    """Lip gap is a share of the upper face, eye opening of the eye's width; a frame without a face is unknown."""
    points = face(4)
    points[1, [14, 87, 317], 1] += 10
    points[2, [145, 153, 144, 374, 380, 373], 1] -= 6
    points[3] = np.nan
    found = measure_face(points)
    assert found.lip_gap[:3] == pytest.approx([0, 0.25, 0])
    assert found.eye_opening[:3] == pytest.approx([0.3, 0.3, 0])
    assert found.mouth_width[0] == pytest.approx(30 / 40)
    assert np.isnan(found.lip_gap[3])
    assert found.seen == 0.75


def test_head_pose_and_gaze_have_the_signs_of_the_curves() -> None:
    """To the picture's right, down and counter-clockwise are positive, by the angle that the face was turned."""
    points = face(5)
    angle = 0.3
    c, s = np.cos(angle), np.sin(angle)
    # The far side goes away from the viewer (greater z) when the face turns towards it.
    points[1] = points[1] @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]).T
    points[2] = points[2] @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T
    points[3] = points[3] @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]).T
    points[4, [468, 473], 0] += 4
    found = measure_face(points)
    assert found.yaw[:2] == pytest.approx([0, angle], abs=1e-4)
    assert found.pitch[[0, 2]] == pytest.approx([0, angle], abs=1e-4)
    assert found.roll[[0, 3]] == pytest.approx([0, angle], abs=1e-4)
    assert found.gaze_x[[0, 4]] == pytest.approx([0, 0.4], abs=1e-4)


def test_blinks_are_found_where_the_lids_are_closest() -> None:
    """Half of the usual opening is a blink; a frame without a face is none."""
    opening = np.asarray([0.3, 0.3, 0.12, 0.02, 0.1, 0.3, np.nan, 0.3, 0.28, 0.05, 0.3])
    assert find_blinks(opening) == [3, 9]
