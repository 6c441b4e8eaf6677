"""Every causal layer: later input never changes earlier output, and chunk by chunk equals whole."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from tests.support.tiny import tiny_config
from wan_streamer.model.audio_codec import AudioCodec, AudioDecoder, AudioEncoder
from wan_streamer.model.causal import BorderFilter, CausalConv1d, CausalUnitMix, ConvNextBlock1d, LogMel
from wan_streamer.model.config import EarConfig
from wan_streamer.model.letter_reader import LetterReader
from wan_streamer.model.speller import Speller
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.user_encoder import UserAudioEncoder, UserVideoEncoder
from wan_streamer.model.video_codec import VideoCodec, VideoDecoder, VideoEncoder

CONFIG = tiny_config()
AUDIO, VIDEO = CONFIG.agent_audio, CONFIG.agent_video
EAR = EarConfig(width=8, buckets=64, dilations=(1, 2))
UNIT_SAMPLES = 1280
BATCH = 2


@dataclass(frozen=True)
class Case:
    """A layer, the shape of one chunk of its input, and the time axes of input and output."""

    make: Callable[[], nn.Module]
    chunk: tuple[int, ...]
    time_axis: int
    out_axis: int


CASES = {
    "conv": Case(lambda: CausalConv1d(3, 5, 4), (BATCH, 3, 4), 2, 2),
    "conv_stride": Case(lambda: CausalConv1d(3, 5, 8, stride=4), (BATCH, 3, 4), 2, 2),
    "conv_depthwise": Case(lambda: CausalConv1d(4, 4, 7, groups=4), (BATCH, 4, 2), 2, 2),
    "conv_dilation": Case(lambda: CausalConv1d(3, 5, 3, dilation=4), (BATCH, 3, 2), 2, 2),
    "speller": Case(lambda: Speller(5), (BATCH, 3, 5), 1, 1),
    "letter_reader": Case(lambda: LetterReader(EAR, 8, 40), (BATCH, 1, 2, EAR.heard_features), 1, 1),
    "convnext": Case(lambda: ConvNextBlock1d(4), (BATCH, 4, 3), 2, 2),
    "log_mel": Case(lambda: nn.Sequential(LogMel(8000, 8), nn.Conv1d(8, 8, 1)), (BATCH, 160), 1, 2),
    "unit_mix": Case(lambda: CausalUnitMix(3, (2, 2)), (BATCH, 1, 3, 2, 2), 1, 1),
    "audio_encoder": Case(lambda: AudioEncoder(AUDIO, 6), (BATCH, UNIT_SAMPLES), 1, 1),
    "audio_decoder": Case(lambda: AudioDecoder(AUDIO), (BATCH, 4, 4), 1, 1),
    "video_encoder": Case(lambda: VideoEncoder(VIDEO), (BATCH, 1, 4, 3, 32, 32), 1, 1),
    "video_decoder": Case(lambda: VideoDecoder(VIDEO), (BATCH, 1, 4, 5), 1, 1),
    "user_audio": Case(lambda: UserAudioEncoder(AUDIO, 6), (BATCH, UNIT_SAMPLES), 1, 1),
    "user_video": Case(lambda: UserVideoEncoder(VIDEO, 6), (BATCH, 1, 4, 3, 32, 32), 1, 1),
}
CHUNKS = 5


def prepared(case: Case, dtype: torch.dtype) -> tuple[nn.Module, list[Tensor]]:
    torch.manual_seed(0)
    module = case.make().to(dtype)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.requires_grad_(False), [torch.randn(case.chunk, dtype=dtype) for _ in range(CHUNKS)]


@pytest.mark.parametrize("name", CASES)
def test_future_leaves_the_past_alone(name: str) -> None:
    """A change in the last chunk leaves the outputs of the earlier chunks bit-identical."""
    case = CASES[name]
    module, chunks = prepared(case, torch.float64)
    before = module(torch.cat(chunks, case.time_axis))
    after = module(torch.cat([*chunks[:-1], torch.randn_like(chunks[-1])], case.time_axis))
    past = before.shape[case.out_axis] * (CHUNKS - 1) // CHUNKS
    assert torch.equal(before.narrow(case.out_axis, 0, past), after.narrow(case.out_axis, 0, past))
    assert not torch.equal(before, after)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])
@pytest.mark.parametrize("name", CASES)
def test_chunks_equal_whole(name: str, dtype: torch.dtype, tolerance: float) -> None:
    """A stream fed chunk by chunk gives what one call gives, relative to the size of the output."""
    case = CASES[name]
    module, chunks = prepared(case, dtype)
    whole = module(torch.cat(chunks, case.time_axis))
    with streaming(Stream.of(module, batch=BATCH)):
        pieces = [module(chunk) for chunk in chunks]
    difference = (torch.cat(pieces, case.out_axis) - whole).abs().max()
    assert difference <= tolerance * max(1.0, float(whole.abs().max()))


def test_streams_do_not_mix() -> None:
    """Two conversations that take turns on one module give what each gives alone."""
    case = CASES["audio_encoder"]
    module, chunks = prepared(case, torch.float64)
    alone = []
    for order in (chunks, chunks[::-1]):
        with streaming(Stream.of(module, batch=BATCH)):
            alone.append([module(chunk) for chunk in order])
    first, second = Stream.of(module, batch=BATCH), Stream.of(module, batch=BATCH)
    for step in range(CHUNKS):
        for stream, order, expected in ((first, chunks, alone[0]), (second, chunks[::-1], alone[1])):
            with streaming(stream):
                assert torch.equal(module(order[step]), expected[step])


def test_a_still_picture_drifts_evenly_to_a_new_one() -> None:
    """Units that each see their own still picture: every step from frame to frame is a quarter of what they differ."""
    stills = torch.tensor([3.0, 7.0, 5.0]).double()
    shown = BorderFilter(1, 2, 2)(stills[None, :, None, None, None, None].expand(1, 3, 5, 1, 2, 2))
    expected = torch.tensor([3, 3, 3, 3, 4, 5, 6, 7, 6.5, 6, 5.5, 5]).double()
    assert bool((shown[0, :, :, 0, 0, 0].flatten() == expected).all())


def test_motion_that_units_agree_on_is_left_alone() -> None:
    """Where a unit has the frame before it right, its frames are shown as they are."""
    film = torch.randn(1, 13, 3, 2, 2, dtype=torch.float64)
    shown = BorderFilter(3, 2, 2)(film.unfold(1, 5, 4).movedim(-1, 2))
    assert bool((shown.flatten(1, 2) == film[:, 1:]).all())


def test_conv_refuses_a_broken_stride() -> None:
    """An input that is no multiple of the stride is refused with both numbers."""
    with pytest.raises(ValueError, match="got 6 time steps, expected a multiple of the stride 4"):
        CausalConv1d(3, 5, 8, stride=4)(torch.zeros(1, 3, 6))


def test_codecs_round_trip_shapes() -> None:
    """Encoder and decoder agree on shapes: four frames, or pieces of them, and 160 ms to one unit and back."""
    audio, video = AudioCodec(AUDIO), VideoCodec(VIDEO)
    samples, frames = torch.zeros(1, 2 * UNIT_SAMPLES), torch.zeros(1, 2, 4, 3, 32, 32)
    assert audio.decode(audio.encode(samples)[0]).shape == samples.shape
    piece = frames[..., :16]
    for pictures in (frames, piece):
        assert video.decode(video.encode(pictures)[0]).shape == pictures.shape
