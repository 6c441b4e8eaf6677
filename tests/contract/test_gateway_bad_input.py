"""What clients may send wrong, and what they get for it."""

import io
import math
from pathlib import Path

import numpy as np
from gateway_client import END, JPEG, PCM, audio_of_unit, playout, running_gateway
from PIL import Image
from thinker_peer import ThinkerPeer

from services.gateway.tokens import Placement, TokenSigner
from wan_streamer.errors import InvalidInput
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import unit_pb2

KEY = "k" * 32


def jpeg_of(pixels: np.ndarray) -> bytes:
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "JPEG")
    return picture.getvalue()


TINY_JPEG = jpeg_of(np.zeros((16, 16, 3), np.uint8))


def noise(byte_count: int) -> bytes:
    return np.random.default_rng(0).bytes(byte_count)


def broken_jpeg() -> bytes:
    return jpeg_of(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))[:700]


def attach_fields(**fields):
    return lambda session_id, token: [
        pb.ConnectRequest(attach=pb.Attach(**{"session_id": session_id, "resume_token": token, "audio": PCM, **fields}))
    ]


def after_attach(*requests: pb.ConnectRequest, **fields):
    fields = {"video": JPEG, "pace": pb.PACE_MEDIA, **fields}
    return lambda session_id, token: [*attach_fields(**fields)(session_id, token), *requests]


def audio(**fields) -> pb.ConnectRequest:
    return pb.ConnectRequest(audio=pb.AudioChunk(**{"data": bytes(320), **fields}))


def video(**fields) -> pb.ConnectRequest:
    return pb.ConnectRequest(video=pb.VideoFrame(**fields))


PLACEMENT = Placement(session_id="s", incarnation="peer-1", performer_group="", epoch=7, seed=0, generation=0)


def other_token(*, key: str = KEY, lifetime_s: float = 86_400) -> str:
    return TokenSigner(key, lifetime_s).sign(PLACEMENT)[0]


BAD_INPUT = {
    "nothing at all": (lambda session_id, token: [pb.ConnectRequest()], "ATTACH_FIRST"),
    "media before attach": (lambda session_id, token: [audio_of_unit(0)], "ATTACH_FIRST"),
    "second attach": (after_attach(pb.ConnectRequest(attach=pb.Attach())), "SECOND_ATTACH"),
    "no session id": (attach_fields(session_id=""), "SESSION_ID"),
    "no token": (attach_fields(resume_token=""), "TOKEN_INVALID"),
    "noise as token": (attach_fields(resume_token="ey.ey.ey"), "TOKEN_INVALID"),
    "token of another key": (attach_fields(resume_token=other_token(key="z" * 32)), "TOKEN_INVALID"),
    "token of another session": (attach_fields(resume_token=other_token()), "TOKEN_SESSION"),
    "expired token": (attach_fields(resume_token=other_token(lifetime_s=-10)), "TOKEN_EXPIRED"),
    "no media at all": (lambda session_id, token: [pb.ConnectRequest(
        attach=pb.Attach(session_id=session_id, resume_token=token))], "NO_MEDIA"),
    "opus": (attach_fields(audio=pb.AudioFormat(
        encoding=pb.AUDIO_ENCODING_OPUS, sample_rate_hz=48000, channel_count=1)), "AUDIO_ENCODING"),
    "h264": (attach_fields(video=pb.VideoFormat(encoding=pb.VIDEO_ENCODING_H264, frame_rate_hz=25)), "VIDEO_ENCODING"),
    "a rate of 7 kHz": (attach_fields(audio=pb.AudioFormat(encoding=1, sample_rate_hz=7000, channel_count=1)),
                        "AUDIO_FORMAT"),
    "three channels": (attach_fields(audio=pb.AudioFormat(encoding=1, sample_rate_hz=8000, channel_count=3)),
                       "AUDIO_FORMAT"),
    "NaN frames a second": (attach_fields(video=pb.VideoFormat(encoding=1, frame_rate_hz=math.nan)), "VIDEO_FORMAT"),
    "unknown pace": (attach_fields(pace=9), "PACE"),
    "too much credit": (attach_fields(credit_units=17), "CREDIT_UNITS"),
    "video without a format": (lambda session_id, token: [
        *attach_fields()(session_id, token), video(data=noise(10))], "VIDEO_NOT_DECLARED"),
    "audio without a format": (lambda session_id, token: [pb.ConnectRequest(attach=pb.Attach(
        session_id=session_id, resume_token=token, video=JPEG)), audio_of_unit(0)], "AUDIO_NOT_DECLARED"),
    "10 MB of noise as JPEG": (after_attach(video(data=noise(10_000_000))), "FRAME_TOO_LARGE"),
    "1 MB of noise as JPEG": (after_attach(video(data=noise(1_000_000))), "JPEG_INVALID"),
    "a JPEG with half a body": (after_attach(
        *(video(capture_offset_us=40_000 * n, data=broken_jpeg()) for n in range(5)), END), "JPEG_INVALID"),
    "half a sample": (after_attach(audio(data=bytes(3))), "AUDIO_SIZE"),
    "samples that go back": (after_attach(
        audio(first_sample_index=1600, capture_offset_us=100_000),
        audio(first_sample_index=800, capture_offset_us=50_000)), "AUDIO_ORDER"),
    "a lying sample rate": (after_attach(audio(first_sample_index=8000, capture_offset_us=1_600_000)),
                            "SAMPLE_RATE_MISMATCH"),
    "media from the future": (after_attach(audio(first_sample_index=16000 * 60, capture_offset_us=60_000_000)),
                              "MEDIA_TOO_FAR_AHEAD"),
    "a picture from before the beginning": (after_attach(
        video(capture_offset_us=-(2**62), data=b"x"), pace=pb.PACE_LIVE), "FRAME_ORDER"),
    "a picture from the end of time": (after_attach(
        video(capture_offset_us=2**63 - 1, data=TINY_JPEG), pace=pb.PACE_LIVE), "MEDIA_TOO_FAR_AHEAD"),
    "sound from the end of time": (after_attach(
        audio(first_sample_index=2**64 - 1, capture_offset_us=2**63 - 1), pace=pb.PACE_LIVE), "SAMPLE_RATE_MISMATCH"),
    "media after the end": (after_attach(audio_of_unit(0), END, audio_of_unit(1)), "MEDIA_AFTER_END"),
    "playout of what never came": (after_attach(playout(3)),
                                   "PLAYOUT_AHEAD"),
    "90 s of sound and never a playout": (after_attach(
        *(pb.ConnectRequest(audio=pb.AudioChunk(
            first_sample_index=48000 * k, capture_offset_us=1_000_000 * k, data=bytes(192_000))) for k in range(90)),
        audio=pb.AudioFormat(encoding=1, sample_rate_hz=48000, channel_count=2), video=None, credit_units=1),
        "PLAYOUT_MISSING"),
    "a message of the future": (after_attach(pb.ConnectRequest.FromString(b"\x52\x00")), "UNKNOWN_MESSAGE"),
}  # fmt: skip


async def test_bad_input_is_refused_with_its_reason_and_disturbs_nobody(tmp_path: Path) -> None:
    """Bad input ends its own stream with INVALID_ARGUMENT and a stable reason; a session beside goes on."""
    key = tmp_path / "key"
    key.write_text(KEY)
    peer = ThinkerPeer()
    peer.capacity = 100
    async with running_gateway(peer=peer, token_key_file=key, deadline_ms=60_000) as gateway:
        good = await gateway.attach("good", credit_units=1)
        reasons = {}
        for k, (name, (make_requests, _)) in enumerate(BAD_INPUT.items()):
            created = await gateway.create(name)
            bad = await gateway.connect(*make_requests(created.session_id, created.resume_token))
            refusal = await bad.failure()
            reasons[name] = (type(refusal), refusal.reason)
            await good.send(audio_of_unit(k))
            unit = (await good.units(1))[0]
            assert (unit.header.unit_index, unit.outcome) == (k, unit_pb2.UNIT_OUTCOME_ON_TIME)
            await good.send(playout(k))
        await good.send(END)
        await good.rest()
        await peer.until_live(0)
    assert reasons == {name: (InvalidInput, reason) for name, (_, reason) in BAD_INPUT.items()}
