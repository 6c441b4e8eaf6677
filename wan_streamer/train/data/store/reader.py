"""Streams windows of a data set to training: shuffled by a seed, read ahead, resumed at any step.

Window number i is a function of (data set, seed, i) alone, so that resuming is counting, and the readers of several
processes take turns without knowing of each other.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.store.data_set import DataSet
from wan_streamer.train.data.store.window import Window, cut_window

# How often the reading thread looks whether it is still wanted.
_PATIENCE_S: Final = 0.2
# Keeps the order of an epoch apart from the place of a window.
_ORDER, _PLACE = 0, 1


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    """What a reader yields.

    Attributes:
        window_units: units of a window; a shorter conversation gives all that it has.
        seed: another order and other places.
        read_ahead: windows that wait for training at most.
        first, stride: this reader takes windows first, first + stride, ...: rank and world size.
    """

    window_units: int
    seed: int = 0
    read_ahead: int = 8
    first: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        if min(self.window_units, self.read_ahead, self.stride) < 1 or not 0 <= self.first < self.stride:
            raise InvalidInput(
                "got window_units, read_ahead or stride below 1, or first beyond stride; expected first < stride",
                reason="READER",
            )


class UnitReader:
    """Windows of a data set without end: every conversation once an epoch, each time at another place."""

    def __init__(self, data_set: DataSet, config: ReaderConfig) -> None:
        if not len(data_set):
            raise InvalidInput(f"got no conversation in {data_set.folder}, expected some", reason="READER")
        self._data_set, self._config = data_set, config

    def window(self, window_index: int) -> Window:
        """Window number `window_index` of all readers together.

        Raises:
            InvalidInput: its shard is damaged.
        """
        seed = self._config.seed
        epoch, place = divmod(window_index, len(self._data_set))
        order = np.random.default_rng((seed, epoch, _ORDER)).permutation(len(self._data_set))
        conversation = self._data_set.conversation(int(order[place]))
        count = min(self._config.window_units, conversation.unit_count)
        last_first = conversation.unit_count - count
        first = int(np.random.default_rng((seed, window_index, _PLACE)).integers(last_first + 1))
        return cut_window(conversation, first, count)

    def stream(self, start_step: int = 0) -> Iterator[Window]:
        """This reader's windows from its step `start_step` on; what comes next is read while training computes.

        Raises:
            InvalidInput: a shard is damaged; it comes where the window would have come.
        """
        waiting: queue.Queue[Window | BaseException] = queue.Queue(self._config.read_ahead)
        with _reading(self, start_step, waiting):
            while True:
                found = waiting.get()
                if isinstance(found, BaseException):
                    raise found
                yield found

    def _index_of(self, step: int) -> int:
        return self._config.first + step * self._config.stride

    def read_into(self, waiting: "queue.Queue[Window | BaseException]", start_step: int, stop: threading.Event) -> None:
        """Reads windows until `stop`; an error is the last thing that is put in."""
        step = start_step
        while not stop.is_set():
            found: Window | BaseException
            try:
                found = self.window(self._index_of(step))
            except Exception as error:  # whoever waits for the window must hear of it, whatever it is
                found = error
            _put(waiting, found, stop)
            if isinstance(found, BaseException):
                return
            step += 1


def _put(waiting: "queue.Queue[Window | BaseException]", found: Window | BaseException, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            waiting.put(found, timeout=_PATIENCE_S)
        except queue.Full:
            continue
        return


@contextmanager
def _reading(reader: UnitReader, start_step: int, waiting: "queue.Queue[Window | BaseException]") -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=reader.read_into, args=(waiting, start_step, stop), name="unit-reader", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
