"""Sessions of the engine to snapshots and back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor

from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.kv_state import KvState
from wan_streamer.engine.order import Process
from wan_streamer.engine.performer import Performer, PerformerSession
from wan_streamer.engine.snapshot.snapshot import Snapshot
from wan_streamer.engine.thinker import Thinker, ThinkerSession
from wan_streamer.errors import InvalidInput
from wan_streamer.model.streaming import Stream
from wan_streamer.model.wan_streamer import WanStreamer


class Snapshots:
    """Takes and restores snapshots of the sessions of one model.

    Views of the session's memory are taken, nothing is copied: write a snapshot before the session's next unit.

    Args:
        fingerprint: the model's, where it is known already: it takes time.
    """

    def __init__(self, model: WanStreamer, fingerprint: str | None = None) -> None:
        self._model = model
        self._fingerprint = fingerprint or model.fingerprint()
        self._names = {module: name for name, module in model.named_modules()}

    def of_thinker(self, session: ThinkerSession, origin: Mapping[str, str | int]) -> Snapshot:
        """The thinker's part, between two of its calls, with no unit heard that was not thought of."""
        assert session.heard is None
        return Snapshot(
            process="thinker",
            fingerprint=self._fingerprint,
            config=self._model.config,
            unit_index=session.last_unit_index,
            kv=session.cache.state(),
            origin=origin,
            words=session.words,
            open_units=tuple(session.open_units),
            text_pending=session.text.pending,
            streams=self._streams(session.stream),
        )

    def of_performer(
        self, session: PerformerSession, origin: Mapping[str, str | int], *, first_head: int = 0
    ) -> Snapshot:
        """A rank's part, between two of its calls.

        Args:
            first_head: number of the rank's first key-value head among the model's.
        """
        return Snapshot(
            process="performer",
            fingerprint=self._fingerprint,
            config=self._model.config,
            unit_index=session.last_unit_index,
            kv=session.cache.state(first_head=first_head),
            origin=origin,
            seed=session.seed,
        )

    def restore_thinker(self, thinker: Thinker, snapshot: Snapshot) -> ThinkerSession:
        """A session that goes on, bit for bit, as the one of the snapshot would have.

        Raises:
            InvalidInput: SNAPSHOT_PROCESS, SNAPSHOT_MODEL, SNAPSHOT_HEADS or SNAPSHOT_DAMAGED.
        """
        self._check(snapshot, "thinker")
        session = thinker.open()
        with _given_back(lambda: thinker.close(session)):
            _restore_cache(session.cache, snapshot.kv)
            _restore_streams(self._streams(session.stream), snapshot.streams)
        session.text.resume(snapshot.text_pending)
        session.words.update({unit_index: list(words) for unit_index, words in snapshot.words.items()})
        session.open_units.update(snapshot.open_units)
        session.last_unit_index = snapshot.unit_index
        return session

    def restore_performer(self, performer: Performer, snapshot: Snapshot) -> PerformerSession:
        """A session that goes on, bit for bit, as the one of the snapshot would have.

        Raises:
            InvalidInput: SNAPSHOT_PROCESS, SNAPSHOT_MODEL, SNAPSHOT_HEADS or SNAPSHOT_DAMAGED.
        """
        self._check(snapshot, "performer")
        assert snapshot.seed is not None
        session = performer.open(snapshot.seed)
        with _given_back(lambda: performer.close(session)):
            _restore_cache(session.cache, snapshot.kv)
        session.last_unit_index = snapshot.unit_index
        return session

    def _streams(self, stream: Stream) -> dict[str, Tensor]:
        return {self._names[layer]: state.past for layer, state in stream.states}

    def _check(self, snapshot: Snapshot, process: Process) -> None:
        if snapshot.process != process:
            raise InvalidInput(
                f"got a snapshot of a {snapshot.process}, expected a {process}'s; name the other file",
                reason="SNAPSHOT_PROCESS",
            )
        if snapshot.fingerprint != self._fingerprint:
            raise InvalidInput(
                f"got a snapshot of model {snapshot.fingerprint} (preset {snapshot.config.name!r}), expected "
                f"{self._fingerprint} (preset {self._model.config.name!r}); restore it with the configuration and the "
                "weights that it was taken with",
                reason="SNAPSHOT_MODEL",
            )


@contextmanager
def _given_back(close: Callable[[], None]) -> Iterator[None]:
    """A snapshot that is refused keeps no session's memory."""
    try:
        yield
    except InvalidInput:
        close()
        raise


def _restore_cache(cache: KvCache, state: KvState) -> None:
    own = cache.state()
    if len(state.heads) != len(own.heads):
        raise InvalidInput(
            f"got key-value heads {list(state.heads)}, expected {len(own.heads)} of them; merge the snapshots of all "
            "ranks, then take this rank's heads",
            reason="SNAPSHOT_HEADS",
        )
    for head, own_head in zip(state.heads, own.heads, strict=True):
        _check_like(f"keys and values of head {head}", state.keys_values[head], own.keys_values[own_head])
        _check_like(f"sink keys of head {head}", state.sink_keys[head], own.sink_keys[own_head])
    _check_like("units of the slots", state.units_N, own.units_N)
    cache.restore(state)


def _restore_streams(own: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    if own.keys() != saved.keys():
        differing = sorted(own.keys() ^ saved.keys())
        raise _damaged(f"states of other layers: {', '.join(differing)}")
    for name, past in own.items():
        _check_like(f"state of {name}", saved[name], past)
        past.copy_(saved[name])


def _check_like(what: str, got: Tensor, expected: Tensor) -> None:
    if (got.shape, got.dtype) != (expected.shape, expected.dtype):
        raise _damaged(f"{what} {got.dtype} {list(got.shape)}, expected {expected.dtype} {list(expected.shape)}")


def _damaged(what: str) -> InvalidInput:
    return InvalidInput(f"got a snapshot with {what}; take it again", reason="SNAPSHOT_DAMAGED")
