"""Arrays on the wire: `Tensor` messages to numpy and back.

numpy has no bfloat16. Such tensors are uint16 arrays of bit patterns on our side of the wire: say `BFLOAT16` and view
them as bfloat16 in the library that has the type.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wan_streamer.errors import InvalidInput
from wan_streamer.v1 import tensor_pb2

BFLOAT16: Final = "bfloat16"
_BFLOAT16_EXPONENT: Final = np.uint16(0x7F80)

_DATA_TYPES: Final[dict[np.dtype[Any], tensor_pb2.DataType.ValueType]] = {
    np.dtype("<u1"): tensor_pb2.DATA_TYPE_UINT8,
    np.dtype("<i2"): tensor_pb2.DATA_TYPE_INT16,
    np.dtype("<i8"): tensor_pb2.DATA_TYPE_INT64,
    np.dtype("<f4"): tensor_pb2.DATA_TYPE_FLOAT32,
    np.dtype("<f8"): tensor_pb2.DATA_TYPE_FLOAT64,
}


def to_proto(array: npt.NDArray[Any], *, dtype: npt.DTypeLike | None = None) -> tensor_pb2.Tensor:
    """Copies an array into a message.

    Args:
        array: any shape; uint8, int16, int64, float32 or float64; uint16 bit patterns together with `dtype=BFLOAT16`.
        dtype: only to say BFLOAT16; otherwise the array's own type is sent.

    Raises:
        InvalidInput: TENSOR_TYPE, the array's type cannot travel.
    """
    if _is_bfloat16(dtype):
        if array.dtype != np.uint16:
            raise _wrong_type("array", str(array.dtype), "uint16 bit patterns of bfloat16")
        data_type = tensor_pb2.DATA_TYPE_BFLOAT16
    elif dtype is not None:
        raise _wrong_type("dtype", str(dtype), f"{BFLOAT16!r} or nothing; convert the array itself")
    else:
        little_endian = array.dtype.newbyteorder("<")
        if little_endian not in _DATA_TYPES:
            known = ", ".join(known_type.name for known_type in _DATA_TYPES)
            raise _wrong_type("array", str(array.dtype), f"one of {known}; for bfloat16 send uint16 bits as BFLOAT16")
        data_type = _DATA_TYPES[little_endian]
    elements = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return tensor_pb2.Tensor(data_type=data_type, shape=array.shape, data=elements.tobytes())


def from_proto(
    tensor: tensor_pb2.Tensor, *, name: str, dtype: npt.DTypeLike, shape: Sequence[int | None]
) -> npt.NDArray[Any]:
    """Checks a message and views its data as an array.

    Args:
        name: what the tensor is, for the message of an error.
        dtype: what its elements must be; BFLOAT16 gives uint16 bit patterns.
        shape: what its axes must be; None stands for any size.

    Returns:
        A read-only view of the message's bytes.

    Raises:
        InvalidInput: TENSOR_TYPE, TENSOR_SHAPE, TENSOR_SIZE (data and shape disagree) or NOT_FINITE (NaN, infinity).
    """
    is_bfloat16 = _is_bfloat16(dtype)
    element = np.dtype("<u2") if is_bfloat16 else np.dtype(dtype).newbyteorder("<")
    expected_type = tensor_pb2.DATA_TYPE_BFLOAT16 if is_bfloat16 else _DATA_TYPES[element]
    if tensor.data_type != expected_type:
        raise _wrong_type(name, _type_name(tensor.data_type), _type_name(expected_type))
    sizes = tuple(tensor.shape)
    if not _shape_fits(sizes, shape):
        wanted = tuple("any" if size is None else size for size in shape)
        raise InvalidInput(f"{name}: got shape {sizes}, expected {wanted}", reason="TENSOR_SHAPE")
    byte_count = math.prod(sizes) * element.itemsize
    if len(tensor.data) != byte_count:
        raise InvalidInput(
            f"{name}: got {len(tensor.data)} bytes, expected {byte_count} for shape {sizes}", reason="TENSOR_SIZE"
        )
    array = np.frombuffer(tensor.data, dtype=element).reshape(sizes)
    if not _is_finite(array, is_bfloat16=is_bfloat16):
        raise InvalidInput(f"{name}: got a NaN or an infinity, expected finite numbers", reason="NOT_FINITE")
    return array


def data_type_named(name: str) -> tensor_pb2.DataType.ValueType:
    """The message's value for a type of numbers by its usual name.

    Raises:
        InvalidInput: TENSOR_TYPE, it cannot travel.
    """
    if name == BFLOAT16:
        return tensor_pb2.DATA_TYPE_BFLOAT16
    known = {dtype.name: value for dtype, value in _DATA_TYPES.items()}
    if name not in known:
        raise _wrong_type("tensor", name, f"one of {', '.join((*known, BFLOAT16))}")
    return known[name]


def name_of_data_type(data_type: int) -> str:
    """The reverse of `data_type_named`; float32 where nothing is said, as by those who know nothing else."""
    if data_type == tensor_pb2.DATA_TYPE_BFLOAT16:
        return BFLOAT16
    return next((dtype.name for dtype, value in _DATA_TYPES.items() if value == data_type), "float32")


def _is_bfloat16(dtype: npt.DTypeLike | None) -> bool:
    return isinstance(dtype, str) and dtype == BFLOAT16


def _shape_fits(sizes: tuple[int, ...], shape: Sequence[int | None]) -> bool:
    return len(sizes) == len(shape) and all(
        size >= 0 and wanted in (None, size) for size, wanted in zip(sizes, shape, strict=True)
    )


def _is_finite(array: npt.NDArray[Any], *, is_bfloat16: bool) -> bool:
    if is_bfloat16:
        return not bool(np.any((array & _BFLOAT16_EXPONENT) == _BFLOAT16_EXPONENT))
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _type_name(data_type: int) -> str:
    known = tensor_pb2.DataType.values()
    return tensor_pb2.DataType.Name(tensor_pb2.DataType.ValueType(data_type)) if data_type in known else str(data_type)


def _wrong_type(name: str, got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"{name}: got element type {got}, expected {expected}", reason="TENSOR_TYPE")
