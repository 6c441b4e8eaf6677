"""The OpenGL context beside what else a training process loads."""

import subprocess
import sys

import pytest

from wan_streamer.errors import InvalidInput

pytest.importorskip("moderngl", reason="pictures are drawn with moderngl")

from wan_streamer.train.data.face.canvas import make_context

PROGRAM = """
from wan_streamer.train.data.face.canvas import make_context
context = make_context()
import torch._dynamo
context.release()
print("alive")
"""


def test_torch_compiles_in_a_process_that_drew() -> None:
    """A video codec's training draws its pictures first and loads torch's compiler afterwards: both bring an LLVM."""
    pytest.importorskip("torch")
    try:
        make_context().release()
    except InvalidInput as error:
        pytest.skip(str(error))
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "alive"
