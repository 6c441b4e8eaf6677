"""Resume tokens."""

import base64
import json
from pathlib import Path

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.tokens import AUDIENCE, Placement, TokenSigner, read_key
from wan_streamer.errors import InvalidInput

KEY = "0123456789abcdef" * 2
U64 = st.integers(0, 2**64 - 1)


@given(session_id=st.text(min_size=1), epoch=U64, seed=U64, generation=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_token_gives_back_its_placement(session_id: str, epoch: int, seed: int, generation: int) -> None:
    """Every placement survives its token, numbers of 64 bits included."""
    placement = Placement(
        session_id=session_id, incarnation="i", performer_group="g", epoch=epoch, seed=seed, generation=generation
    )
    signer = TokenSigner(KEY, 60)
    token, _ = signer.sign(placement)
    assert signer.verify(token, session_id=session_id) == placement


PLACEMENT = Placement(session_id="s", incarnation="i", performer_group="g", epoch=1, seed=2, generation=0)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    """Any changed character makes a token invalid (but for the unused bits of the last one)."""
    signer = TokenSigner(KEY, 60)
    token, _ = signer.sign(PLACEMENT)
    position = data.draw(st.integers(0, len(token) - 2))
    changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    with pytest.raises(InvalidInput) as refusal:
        signer.verify(changed, session_id="s")
    assert refusal.value.reason == "TOKEN_INVALID"


def test_a_token_without_a_signature_is_refused() -> None:
    """The algorithm "none" is not an algorithm."""

    def part(content: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    token = f"{part({'alg': 'none'})}.{part({'session_id': 's', 'aud': AUDIENCE, 'exp': 2**40})}."
    with pytest.raises(InvalidInput) as refusal:
        TokenSigner(KEY, 60).verify(token, session_id="s")
    assert refusal.value.reason == "TOKEN_INVALID"


def test_a_token_signed_for_something_else_is_refused() -> None:
    """The same key may sign other things; those are no resume tokens."""
    for claims in ({"aud": "billing", "exp": 2**40}, {"aud": AUDIENCE}, {"aud": AUDIENCE, "exp": 2**40}):
        with pytest.raises(InvalidInput) as refusal:
            TokenSigner(KEY, 60).verify(jwt.encode(claims, KEY, algorithm="HS256"), session_id="s")
        assert refusal.value.reason == "TOKEN_INVALID"


def test_keys(tmp_path: Path) -> None:
    """A key comes from its file or is drawn; a short or missing one is refused with what to do."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert read_key(tmp_path / "key") == KEY
    assert read_key(None) != read_key(None)
    TokenSigner(read_key(None), 60)
    for make in (lambda: TokenSigner("short", 60), lambda: read_key(tmp_path / "none")):
        with pytest.raises(InvalidInput) as refusal:
            make()
        assert refusal.value.reason == "TOKEN_KEY"
