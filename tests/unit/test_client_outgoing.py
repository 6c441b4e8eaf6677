"""Media on its way out: sample index, capture times and checks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_streamer.client.outgoing import OutgoingAudio, OutgoingVideo, pcm_bytes
from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import AudioFormat, VideoFormat
from wan_streamer.media.jpeg import check_jpeg


@given(
    st.lists(st.integers(0, 60_000), max_size=8),
    st.sampled_from([8000, 11025, 16000, 44100, 48000]),
    st.sampled_from([1, 2]),
)
def test_chunks_are_gapless_whatever_is_sent(lengths: list[int], rate_hz: int, channel_count: int) -> None:
    """Any sequence of pieces comes out whole, in chunks of at most the limit, each with its true index and time."""
    audio = OutgoingAudio(AudioFormat(sample_rate_hz=rate_hz, channel_count=channel_count))
    sent = [np.arange(n * channel_count, dtype=np.int16).reshape(n, channel_count) for n in lengths]
    chunks = [chunk for pcm in sent for _, chunk in audio.chunks(pcm, max_chunk_us=1_000_000)]
    expected_index = 0
    for chunk in chunks:
        assert chunk.first_sample_index == expected_index
        assert chunk.capture_offset_us == expected_index * 1_000_000 // rate_hz
        sample_count = len(chunk.data) // (2 * channel_count)
        assert 0 < sample_count <= rate_hz
        expected_index += sample_count
    assert b"".join(chunk.data for chunk in chunks) == b"".join(pcm.tobytes() for pcm in sent)


def test_declared_gaps_and_capture_times_are_kept() -> None:
    """A stated first sample leaves a gap, a stated capture time moves the chunk, the index goes on from there."""
    audio = OutgoingAudio(AudioFormat(sample_rate_hz=8000, channel_count=1))
    pcm = np.zeros(80, np.int16)
    list(audio.chunks(pcm, max_chunk_us=1_000_000))
    (_, late), *_ = audio.chunks(pcm, max_chunk_us=1_000_000, first_sample_index=800, capture_offset_us=100_500)
    (_, following), *_ = audio.chunks(pcm, max_chunk_us=1_000_000)
    assert (late.first_sample_index, late.capture_offset_us) == (800, 100_500)
    assert (following.first_sample_index, following.capture_offset_us) == (880, 110_000)


@pytest.mark.parametrize(
    ("pcm", "channel_count"),
    [
        (np.zeros(4, np.float32), 1),
        (np.zeros((4, 2), np.int16), 1),
        (np.zeros((2, 2, 2), np.int16), 2),
        (np.zeros(3, np.int16), 2),
        (b"abc", 1),
        (b"ab", 2),
    ],
)
def test_wrong_audio_is_refused_with_what_to_do(pcm: np.ndarray | bytes, channel_count: int) -> None:
    """Floats, wrong shapes and cut samples are refused before anything is sent."""
    with pytest.raises(InvalidInput, match=r"got .*, expected .*; "):
        pcm_bytes(pcm, channel_count)


def test_media_without_a_format_is_refused() -> None:
    """A session that declared no audio or no video sends none."""
    with pytest.raises(InvalidInput, match="AudioFormat"):
        list(OutgoingAudio(None).chunks(b"", max_chunk_us=1))
    with pytest.raises(InvalidInput, match="VideoFormat"):
        OutgoingVideo(None).frame(b"", None)


def test_frames_get_their_nominal_time_and_arrays_become_jpeg() -> None:
    """Without a capture time the n-th frame is at n / rate; an array is encoded."""
    video = OutgoingVideo(VideoFormat(frame_rate_hz=29.97))
    picture = np.zeros((16, 32, 3), np.uint8)
    messages = [video.frame(picture, None) for _ in range(3)]
    assert [message.capture_offset_us for message in messages] == [0, 33_367, 66_733]
    assert check_jpeg(messages[0].data) == (32, 16)
    assert video.frame(b"\xff\xd8", 123).capture_offset_us == 123
