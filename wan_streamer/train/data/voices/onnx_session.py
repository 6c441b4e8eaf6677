"""Opens a voice's network on one core."""

from pathlib import Path
from typing import Any

from wan_streamer.errors import InvalidInput


def onnx_session(model: Path | bytes) -> Any:
    """An onnxruntime session that gives the same numbers each time.

    Raises:
        InvalidInput: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InvalidInput(
            "got no onnxruntime, expected it to speak; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )
