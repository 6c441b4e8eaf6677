"""Tensors on the wire."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.tensors import BFLOAT16, from_proto, to_proto
from wan_streamer.v1 import tensor_pb2

DTYPES = st.sampled_from(["u1", "i2", "i8", "f4", "f8", ">f4", ">i2"])
FINITE = {"allow_nan": False, "allow_infinity": False}


@given(
    array=DTYPES.flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            arrays.array_shapes(min_dims=0, min_side=0),
            elements=None if "i" in dtype or "u" in dtype else FINITE,
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_any_array_comes_back_equal(array: np.ndarray) -> None:
    """Every type that may travel comes back with the same shape and values, whatever its byte order was."""
    back = from_proto(to_proto(array), name="a", dtype=array.dtype, shape=[None] * array.ndim)
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def test_a_view_that_is_not_contiguous_travels_in_row_major_order() -> None:
    """A transposed array is sent as what it means, not as how it lies in memory."""
    array = np.arange(12, dtype=np.int64).reshape(3, 4).T
    np.testing.assert_array_equal(from_proto(to_proto(array), name="a", dtype=np.int64, shape=(4, 3)), array)


def test_bfloat16_travels_as_bit_patterns() -> None:
    """bfloat16 is uint16 bits on our side and keeps its own type on the wire."""
    bits = np.array([[0x3F80, 0xC000]], dtype=np.uint16)
    message = to_proto(bits, dtype=BFLOAT16)
    assert message.data_type == tensor_pb2.DATA_TYPE_BFLOAT16
    np.testing.assert_array_equal(from_proto(message, name="a", dtype=BFLOAT16, shape=(1, 2)), bits)


def test_what_comes_back_cannot_be_written() -> None:
    """A received array is a view of the message and therefore read-only."""
    back = from_proto(to_proto(np.zeros(3, np.float32)), name="a", dtype=np.float32, shape=(3,))
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1


GOOD = to_proto(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    ("message", "dtype", "shape", "reason"),
    [
        (GOOD, np.float64, (2, 3), "TENSOR_TYPE"),
        (GOOD, BFLOAT16, (2, 3), "TENSOR_TYPE"),
        (tensor_pb2.Tensor(data_type=77, shape=[1], data=b"abcd"), np.float32, (1,), "TENSOR_TYPE"),
        (tensor_pb2.Tensor(), np.float32, (2, 3), "TENSOR_TYPE"),
        (GOOD, np.float32, (3, 2), "TENSOR_SHAPE"),
        (GOOD, np.float32, (None,), "TENSOR_SHAPE"),
        (
            tensor_pb2.Tensor(data_type=GOOD.data_type, shape=[-2, -3], data=GOOD.data),
            np.float32,
            (None, None),
            "TENSOR_SHAPE",
        ),
        (
            tensor_pb2.Tensor(data_type=GOOD.data_type, shape=[2, 3], data=GOOD.data[:-1]),
            np.float32,
            (2, 3),
            "TENSOR_SIZE",
        ),
        (
            tensor_pb2.Tensor(data_type=GOOD.data_type, shape=[2**62, 2**62], data=b""),
            np.float32,
            (None, None),
            "TENSOR_SIZE",
        ),
        (to_proto(np.array([1, np.nan], np.float32)), np.float32, (2,), "NOT_FINITE"),
        (to_proto(np.array([1, -np.inf], np.float64)), np.float64, (2,), "NOT_FINITE"),
        (to_proto(np.array([0x7FC0], np.uint16), dtype=BFLOAT16), BFLOAT16, (1,), "NOT_FINITE"),
    ],
)
def test_a_bad_tensor_is_refused_with_its_reason(message, dtype, shape, reason) -> None:
    """A tensor of another type, shape or size, or with a NaN, is refused with a stable reason and its name."""
    with pytest.raises(InvalidInput, match="the picture") as refusal:
        from_proto(message, name="the picture", dtype=dtype, shape=shape)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("array", [np.zeros(2, np.complex64), np.zeros(2, np.uint16), np.array(["a"])])
def test_a_type_that_cannot_travel_is_refused(array: np.ndarray) -> None:
    """An array of a type without a place on the wire is refused before it is sent."""
    with pytest.raises(InvalidInput) as refusal:
        to_proto(array)
    assert refusal.value.reason == "TENSOR_TYPE"
