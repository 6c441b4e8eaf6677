"""What a client keeps for the next gateway."""

from wan_streamer.client.unheard import KEPT_BEFORE_US, Unheard
from wan_streamer.unit import UNIT_US
from wan_streamer.v1.session_pb2 import AudioChunk, ConnectRequest, EndOfInput, Interrupt, Playout, VideoFrame


def audio(offset_us: int) -> ConnectRequest:
    return ConnectRequest(audio=AudioChunk(capture_offset_us=offset_us))


def video(offset_us: int) -> ConnectRequest:
    return ConnectRequest(video=VideoFrame(capture_offset_us=offset_us))


END = ConnectRequest(end_of_input=EndOfInput())
INTERRUPT = ConnectRequest(interrupt=Interrupt())


def test_media_is_kept_until_its_unit_is_answered_and_a_little_longer() -> None:
    """In the order of sending, with what filters need of before; playout is not kept."""
    unheard = Unheard(keeps_media=True)
    count = 2 * KEPT_BEFORE_US // UNIT_US
    for k in range(count):
        unheard.sent(audio(k * UNIT_US))
        unheard.sent(ConnectRequest(playout=Playout(played_unit_index=k)))
        unheard.sent(video(k * UNIT_US))
    last = count // 2 + 3
    unheard.came_back(last)
    oldest = next(k for k in range(count) if k * UNIT_US >= (last + 1) * UNIT_US - KEPT_BEFORE_US)
    expected = [message for k in range(oldest, count) for message in (audio(k * UNIT_US), video(k * UNIT_US))]
    assert unheard.again() == expected == unheard.again()


def test_live_only_what_the_user_did_is_kept() -> None:
    """Media of a moment that has passed is not said again; an interruption that got lost is, once; the end always."""
    unheard = Unheard(keeps_media=False)
    for message in (audio(0), INTERRUPT, END):
        unheard.sent(message)
    unheard.lost(INTERRUPT)
    unheard.lost(audio(0))
    assert unheard.again() == [INTERRUPT, END]
    assert unheard.again() == [END]
