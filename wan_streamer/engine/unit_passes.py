"""What each pass of a unit computes and reads, from the configuration alone, and how fast a GPU can do it at best.

Shape letters: T tokens of a pass, N slots of the cache, L layers, D width, H heads, K key-value heads, S head size,
M width of the MLP.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from wan_streamer.engine.gpu import Gpu
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.order import Process
from wan_streamer.model.audio_codec import AudioDecoder
from wan_streamer.model.config import BackboneConfig
from wan_streamer.model.layout import LATENT_KINDS, USER_KINDS, Kind
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

RGB = 3
# A product and its sum.
FLOP_PER_PRODUCT = 2


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One kind of pass of a unit.

    Attributes:
        name: the engine's stage.
        count: how often a unit needs it, at most.
        flop: floating point operations of one.
        read_bytes: what one reads at least: weights, and keys and values of the whole cache.
        answers: whether the answer to a unit waits for it; the clean passes come after it.
    """

    name: str
    process: Process
    count: int = 1
    flop: int
    read_bytes: int
    answers: bool = True

    def floor_ms(self, gpu: Gpu) -> float:
        """The least that all `count` take: each computes and reads at once, and waits for the slower of the two."""
        compute_s = self.flop / (gpu.tflop_per_s * 1e12)
        read_s = self.read_bytes / (gpu.terabyte_per_s * 1e12)
        return self.count * max(compute_s, read_s) * 1e3


def byte_count(tensors: Iterable[torch.Tensor]) -> int:
    """What tensors take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def block_products(config: BackboneConfig) -> int:
    """Products of one token with the weights of all blocks: L (D (H + 2 K) S + H S D + 3 D M); so many weights, too."""
    heads = 2 * config.head_count + 2 * config.kv_head_count
    return config.layer_count * config.width * (heads * config.head_size + 3 * config.mlp_width)


def attention_products(config: BackboneConfig) -> int:
    """Products of one token with one slot, full or not: 2 L H S, queries with keys and weights with values."""
    return 2 * config.layer_count * config.head_count * config.head_size


def unit_passes(model: WanStreamer, cache: KvCache) -> tuple[Pass, ...]:
    """The passes of a unit in the engine's order, as many as one can need.

    A pass of T tokens over N slots is 2 T (L (D (H + 2 K) S + H S D + 3 D M) + 2 L H S N) operations; before each word
    comes the text head, latents are projected into every latent pass and velocities out of the solver's. Encoders and
    decoders are counted layer by layer: matrix products and convolutions. Norms, RoPE, softmax, Fourier transforms
    and the sampling of sound are left out.

    Args:
        model: on the meta device, in the numbers it is served in.
        cache: the model's.
    """
    config, counts = model.config, model.layout.counts
    width = config.backbone.width
    channels = (config.agent_audio.latent_channels, config.agent_video.latent_channels)
    user, latents = (sum(counts[kind] for kind in kinds) for kinds in (USER_KINDS, LATENT_KINDS))
    head = _Beside(width * config.backbone.vocabulary_size, width * config.backbone.vocabulary_size)
    project = _Beside(
        width * sum(counts[kind] * each for kind, each in zip(LATENT_KINDS, channels, strict=True)),
        width * sum(channels),
    )
    both = _Beside(2 * project.products, 2 * project.weights)
    passes = _Passes(model, cache)
    return (
        passes.encode(),
        passes.backbone("state", "thinker", user, _Beside(0, 0)),
        passes.backbone("text", "thinker", 1, head, count=config.max_text_tokens),
        passes.backbone("solve", "performer", latents, both, count=config.solver_steps),
        passes.decode(),
        passes.backbone("clean", "performer", latents, project, answers=False),
        passes.backbone("commit", "thinker", latents, project, answers=False),
    )


@dataclass(frozen=True)
class _Beside:
    """What a pass needs beside the blocks."""

    products: int
    weights: int


@dataclass(frozen=True)
class _Passes:
    model: WanStreamer
    cache: KvCache

    def backbone(
        self, name: str, process: Process, tokens: int, beside: _Beside, *, count: int = 1, answers: bool = True
    ) -> Pass:
        config, size = self.model.config.backbone, self.model.layer_modulation.element_size()
        of_token = block_products(config) + attention_products(config) * self.cache.slot_count
        return Pass(
            name=name,
            process=process,
            count=count,
            flop=FLOP_PER_PRODUCT * (tokens * of_token + beside.products),
            read_bytes=size * (block_products(config) + beside.weights) + self.cache.byte_count,
            answers=answers,
        )

    def encode(self) -> Pass:
        """The user's pictures and sound of a unit."""
        model, config = self.model, self.model.config
        sees = [model.video_codec.encoder, model.video_codec.bottleneck] if config.sees_with_codec else []
        frames = (1, 1, FRAMES_PER_UNIT, RGB, config.user_video.height, config.user_video.width)
        samples = (1, samples_per_unit(config.user_audio.sample_rate_hz))

        def encode() -> None:
            model.embed_user(model.see(_zeros(frames)), model.hear(_zeros(samples)))

        modules = (model.user_video, model.user_audio, *sees)
        return Pass(name="encode", process="thinker", flop=_counted(encode), read_bytes=_weight_bytes(*modules))

    def decode(self) -> Pass:
        """The agent's sound and pictures of a unit."""
        config, counts = self.model.config, self.model.layout.counts
        video = (1, 1, counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels)
        audio = (1, counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels)
        flop = _counted(lambda: self.model.decode_video(_zeros(video)))
        # The meta device knows no autocast, which the voice switches off; fake tensors do.
        with FakeTensorMode():
            decoder = AudioDecoder(config.agent_audio)
            flop += _counted(lambda: decoder(torch.zeros(audio)))
        modules = (self.model.audio_codec.decoder, self.model.video_codec.decoder)
        return Pass(name="decode", process="thinker", flop=flop, read_bytes=_weight_bytes(*modules))


def _zeros(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.zeros(shape, device="meta")


def _counted(work: Callable[[], object]) -> int:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def _weight_bytes(*modules: nn.Module) -> int:
    return byte_count(weight for module in modules for weight in module.parameters())
