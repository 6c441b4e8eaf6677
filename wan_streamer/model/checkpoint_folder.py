"""A checkpoint as `transformers` saves it: config.json, and tensors in safetensors, in one file or several."""

import json
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from torch import Tensor

from wan_streamer.errors import InvalidInput

CONFIG: Final = "config.json"
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"


class CheckpointFolder:
    """Gives the tensors of a checkpoint one by one. The files are mapped: what nobody asks for takes no memory.

    Attributes:
        config: what config.json says.
        names: of all tensors.

    Raises:
        InvalidInput: CHECKPOINT, when it is opened: a file is missing, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = _read_object(path / CONFIG)
        files = [_open(path / name) for name in self._file_names()]
        self._file_of: dict[str, Any] = {tensor: file for file in files for tensor in file.keys()}  # noqa: SIM118
        self.names = frozenset(self._file_of)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        return tuple(self._file_of[name].get_slice(name).get_shape())

    def tensor(self, name: str) -> Tensor:
        """A tensor, in the dtype that it was saved in.

        Raises:
            InvalidInput: CHECKPOINT, it cannot be read.
        """
        try:
            tensor: Tensor = self._file_of[name].get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise damaged(self.path, f"whose {name} cannot be read ({error})") from error
        return tensor

    def _file_names(self) -> list[str]:
        if (self.path / WHOLE).is_file():
            return [WHOLE]
        if not (self.path / INDEX).is_file():
            raise damaged(self.path, f"without {WHOLE} and without {INDEX}")
        content = _read_object(self.path / INDEX).get("weight_map")
        if not isinstance(content, dict) or not content:
            raise damaged(self.path / INDEX, "without a weight_map")
        names = sorted({str(name) for name in content.values()})
        for name in names:
            # An index may come from anywhere: it names files of its own folder and no others.
            if Path(name).name != name or not (self.path / name).is_file():
                raise damaged(self.path / INDEX, f"that names {name!r}, which is no file beside it")
        return names


def damaged(path: Path, problem: str) -> InvalidInput:
    """The error for a checkpoint that is not whole."""
    return InvalidInput(
        f"got {path} {problem}, expected a checkpoint folder as save_pretrained of transformers writes it; copy all of "
        "its files again",
        reason="CHECKPOINT",
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, f"that cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise damaged(path, "that holds no JSON object")
    return content


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise damaged(path, f"that is no whole safetensors file ({error})") from error
