"""Connections between the hosts of a group: pickled messages, so both ends first show that they have the key."""

import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any, Final, TypeAlias

from wan_streamer.errors import InvalidInput

Link: TypeAlias = "Connection[Any, Any]"

# For connecting and for each part of the greeting.
GREETING_LIMIT_S: Final = 3
LEAST_KEY_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Rendezvous:
    """Where the ranks of a group meet, and the key that lets them in."""

    host: str
    port: int
    key: bytes


def read_key(file: Path | None) -> bytes:
    """The key of a group.

    Raises:
        InvalidInput: RENDEZVOUS_KEY, there is none, or it is too short.
    """
    if file is None:
        raise InvalidInput(
            "got --rendezvous without --rendezvous-key-file, expected both: who has no key could run anything here",
            reason="RENDEZVOUS_KEY",
        )
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise InvalidInput(f"cannot read --rendezvous-key-file: {error}", reason="RENDEZVOUS_KEY") from error
    if len(key) < LEAST_KEY_BYTES:
        raise InvalidInput(
            f"got {len(key)} bytes in {file}, expected {LEAST_KEY_BYTES} or more, the same for all ranks of the group",
            reason="RENDEZVOUS_KEY",
        )
    return key


def connected(place: Rendezvous) -> Link:
    """A connection to rank 0.

    Raises:
        OSError: nobody is there.
        EOFError: who is there left during the greeting.
        AuthenticationError: who is there has another key.
    """
    return _greeted(socket.create_connection((place.host, place.port), GREETING_LIMIT_S), place.key, is_host=False)


def accepted(caller: socket.socket, key: bytes) -> Link:
    """The connection of a caller who has the key; raises as `connected`."""
    return _greeted(caller, key, is_host=True)


def cut(link: Link) -> None:
    """Ends a connection that another thread may read or write: that one wakes with an error."""
    with suppress(OSError), socket.socket(fileno=os.dup(link.fileno())) as other:
        other.shutdown(socket.SHUT_RDWR)


def _greeted(raw: socket.socket, key: bytes, *, is_host: bool) -> Link:
    with raw:
        raw.settimeout(None)
        # Commands are small and waited for.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _limit_reading(raw, GREETING_LIMIT_S)
        link: Link = Connection(os.dup(raw.fileno()))
        try:
            steps = (deliver_challenge, answer_challenge)
            for step in steps if is_host else reversed(steps):
                step(link, key)
        except AssertionError as error:
            link.close()
            raise OSError("not the greeting of a rank") from error
        except BaseException:
            link.close()
            raise
        _limit_reading(raw, 0)
    return link


def _limit_reading(raw: socket.socket, seconds: int) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))
