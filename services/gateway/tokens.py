"""Resume tokens: signed and expiring, they name the places that a session lives on."""

import secrets
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import jwt

from wan_streamer.errors import InvalidInput

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "wan-streamer-session"
MIN_KEY_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a session lives, and what it needs to start there."""

    session_id: str
    incarnation: str
    """Of the thinker."""
    performer_group: str
    epoch: int
    """Of the performer group."""
    seed: int
    generation: int
    """Of the last attachment; 0 before the first."""


_CLAIMS: Final = tuple(field.name for field in fields(Placement))


def read_key(path: Path | None) -> str:
    """The key in a file (without surrounding white space), or one drawn for this process alone.

    Raises:
        InvalidInput: TOKEN_KEY, there is no such file.
    """
    if path is None:
        return secrets.token_urlsafe(MIN_KEY_BYTES)
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidInput(
            f"got token key file {path}, which cannot be read ({error.strerror}); give one, or none for a key of this "
            "process alone",
            reason="TOKEN_KEY",
        ) from error


class TokenSigner:
    """Makes and checks tokens with one key.

    Raises:
        InvalidInput: TOKEN_KEY, the key is too short.
    """

    def __init__(self, key: str, lifetime_s: float) -> None:
        if len(key.encode()) < MIN_KEY_BYTES:
            raise InvalidInput(
                f"got a token key of {len(key.encode())} bytes, expected at least {MIN_KEY_BYTES}; make one with "
                "`openssl rand -base64 32`",
                reason="TOKEN_KEY",
            )
        self._key = key
        self._lifetime_s = lifetime_s

    def sign(self, placement: Placement) -> tuple[str, int]:
        """The token of a placement and when it expires (seconds since 1970)."""
        expires_unix_s = int(time.time() + self._lifetime_s)
        claims = {**asdict(placement), "aud": AUDIENCE, "exp": expires_unix_s}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM), expires_unix_s

    def verify(self, token: str, *, session_id: str) -> Placement:
        """The placement in a token.

        Raises:
            InvalidInput: TOKEN_EXPIRED, TOKEN_INVALID (another key, changed, no token at all), TOKEN_SESSION (the token
                of another session).
        """
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[ALGORITHM], audience=AUDIENCE, options={"require": ["exp", *_CLAIMS]}
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidInput(
                "got a resume token that has expired; create a new session", reason="TOKEN_EXPIRED"
            ) from error
        except jwt.InvalidTokenError as error:
            raise InvalidInput(
                f"got a resume token that this gateway did not sign ({error}); send the one from CreateSession or the "
                "last Attached, unchanged",
                reason="TOKEN_INVALID",
            ) from error
        placement = Placement(**{name: claims[name] for name in _CLAIMS})
        if placement.session_id != session_id:
            raise InvalidInput(
                f"got the resume token of another session than {session_id!r}; send the session's own",
                reason="TOKEN_SESSION",
            )
        return placement
