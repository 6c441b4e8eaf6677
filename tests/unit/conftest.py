"""What the tests of pictures need: heads that were exported once, and OpenGL."""

from pathlib import Path

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.heads import EXPORT_COMMAND, FILE_NAME, default_heads_folder


@pytest.fixture(scope="session")
def heads_folder() -> Path:
    pytest.importorskip("moderngl", reason="pictures are drawn with moderngl")
    from wan_streamer.train.data.face.canvas import make_context

    folder = default_heads_folder()
    if not (folder / FILE_NAME).is_file():
        pytest.skip(f"no exported heads: run `{EXPORT_COMMAND}`")
    try:
        make_context().release()
    except InvalidInput as error:
        pytest.skip(str(error))
    return folder
