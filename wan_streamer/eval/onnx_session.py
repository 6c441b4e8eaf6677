"""A small ONNX model on one core: the judges' models gain nothing from more."""

from pathlib import Path
from typing import Any

from wan_streamer.errors import InvalidInput


def open_session(path: Path) -> Any:
    """An onnxruntime InferenceSession on the CPU.

    Raises:
        InvalidInput: MODEL, the file is missing.
    """
    import onnxruntime

    if not path.is_file():
        raise InvalidInput(f"got no model {path}; run wan-streamer eval setup again", reason="MODEL")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
