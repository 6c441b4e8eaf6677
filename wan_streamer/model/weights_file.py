"""Files of weights: tensors in safetensors, and in the metadata what they are."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from wan_streamer.errors import InvalidInput


def read_metadata(path: Path) -> dict[str, str]:
    """What a file says of itself, without its tensors.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED, it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def read_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a file says of itself, and its tensors by name.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED, it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            return dict(file.metadata() or {}), tensors
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def parse_config(text: str) -> dict[str, Any]:
    """A configuration in the metadata: JSON, whose lists were tuples.

    Raises:
        ValueError: it is no JSON, or no object.
    """
    content = json.loads(text, object_hook=_with_tuples)
    if not isinstance(content, dict):
        raise ValueError(f"got {type(content).__name__}, expected an object")
    return content


def _with_tuples(content: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def _damaged(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"cannot read {path} as weights ({error}); copy it again or train them again", reason="WEIGHTS_DAMAGED"
    )
