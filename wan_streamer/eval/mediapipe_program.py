"""Face landmarks by MediaPipe. Runs in an environment of its own and imports nothing of this project.

    python mediapipe_program.py FOLDER SCALE

reads FOLDER/000.npy, 001.npy ... (uint8 [frames, height, width, 3], sRGB), follows the largest face of each film and
writes FOLDER/000.landmarks.npy ... (float32 [frames, 478, 3]): x and y in pixels of the given film, z on the scale of
x, nearer is smaller; NaN where no face is seen. Films are enlarged SCALE times first.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh

LANDMARK_COUNT = 478


def main(folder: Path, scale: float) -> None:
    for path in sorted(folder.glob("[0-9][0-9][0-9].npy")):
        # A new one for each film: nothing of one face is carried into the next.
        with FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh:
            found = [landmarks(mesh, frame, scale) for frame in np.load(path)]
        np.save(path.with_suffix(".landmarks.npy"), np.stack(found))


def landmarks(mesh: FaceMesh, frame: np.ndarray, scale: float) -> np.ndarray:
    height, width = frame.shape[:2]
    size = (round(width * scale), round(height * scale))
    larger = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    faces = mesh.process(larger).multi_face_landmarks
    if not faces:
        return np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
    points = np.array([(point.x, point.y, point.z) for point in faces[0].landmark])
    return (points * (width, height, width)).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
