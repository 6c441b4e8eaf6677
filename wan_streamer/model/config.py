"""Frozen configurations of the model's parts. Sizes are data; nothing here needs torch."""

from dataclasses import dataclass

from wan_streamer.unit import samples_per_unit

MEL_FRAME_MS = 10
# Classes of what is spelled: letters, and none. It is spelled every 20 ms, four times a token of the ear.
LETTERS = " 'abcdefghijklmnopqrstuvwxyz0123456789"
LETTER_CLASSES, STEPS_PER_TOKEN = len(LETTERS) + 1, 4
HEARD_LETTERS = STEPS_PER_TOKEN * LETTER_CLASSES


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """A Qwen3-shaped decoder: RMSNorm, grouped-query attention with QK-norm, SwiGLU, RoPE."""

    width: int
    layer_count: int
    head_count: int
    kv_head_count: int
    head_size: int
    mlp_width: int
    vocabulary_size: int
    rope_theta: float = 1_000_000.0
    # Pairs of a head that turn with (time, row, column); they sum to head_size / 2.
    rope_axis_pairs: tuple[int, int, int]
    norm_epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if self.head_count % self.kv_head_count:
            raise ValueError(
                f"got {self.head_count} heads and {self.kv_head_count} key-value heads, expected a multiple; "
                "change head_count or kv_head_count"
            )
        if sum(self.rope_axis_pairs) * 2 != self.head_size:
            raise ValueError(
                f"got rope_axis_pairs {self.rope_axis_pairs}, expected three counts that sum to "
                f"head_size / 2 = {self.head_size / 2:g}"
            )


@dataclass(frozen=True, kw_only=True)
class AudioCodecConfig:
    """Causal audio codec: log-mel front end, ConvNeXt blocks, latents of `latent_channels` numbers."""

    sample_rate_hz: int
    mel_bands: int = 80
    width: int
    # Width of the part of the decoder that runs at the mel frame rate, where most of its time goes.
    fine_width: int
    depth: int
    latent_channels: int
    tokens_per_unit: int
    # Learned filters over the raw samples beside the mel bands, which know no phase; 0 is none.
    wave_channels: int = 0

    def __post_init__(self) -> None:
        if self.frames_per_unit % self.tokens_per_unit:
            raise ValueError(
                f"got tokens_per_unit {self.tokens_per_unit}, expected a divisor of {self.frames_per_unit} mel frames"
            )

    @property
    def hop_samples(self) -> int:
        return self.sample_rate_hz * MEL_FRAME_MS // 1000

    @property
    def frames_per_unit(self) -> int:
        return samples_per_unit(self.sample_rate_hz) // self.hop_samples

    @property
    def frames_per_token(self) -> int:
        return self.frames_per_unit // self.tokens_per_unit


@dataclass(frozen=True, kw_only=True)
class EarConfig:
    """Two ears, which have one size and are not trained with the Transformer, and what reads what they hear.

    Attributes:
        features: of a token, from the ear that is there at once (model/ear.py); the other spells (whisper_ear.py).
        width, buckets: of the table of n-grams of letters (model/letter_grams.py).
        grams: their sizes.
        memories: tokens after which a share 1/e of what was read is left, for equal parts of the width.
        dilations: of the reader's convolutions (model/letter_reader.py), in tokens; each sees three.
    """

    sample_rate_hz: int = 16_000
    tokens_per_unit: int = 2
    features: int = 96
    width: int = 128
    buckets: int = 16_384
    grams: tuple[int, ...] = (2, 3, 4)
    memories: tuple[float, ...] = (14.0, 40.0)
    dilations: tuple[int, ...] = ()

    @property
    def heard_features(self) -> int:
        """Numbers of a token: chances of letters, and the features."""
        return HEARD_LETTERS + self.features


@dataclass(frozen=True, kw_only=True)
class VideoCodecConfig:
    """Causal video codec: the four frames of a unit become one latent frame; `stride` pixels a latent position."""

    height: int
    width: int
    stride: int
    # Channels at strides 4, 8, 16 ... up to `stride`.
    channels: tuple[int, ...]
    depth: int
    latent_channels: int

    def __post_init__(self) -> None:
        if self.height % self.stride or self.width % self.stride:
            raise ValueError(
                f"got {self.width}x{self.height} pixels and stride {self.stride}, expected a stride that divides both"
            )
        if self.stride != 2 ** (len(self.channels) + 1):
            raise ValueError(
                f"got {len(self.channels)} channel counts for stride {self.stride}, "
                "expected one for each of the strides 4, 8, ... stride"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of a latent frame."""
        return self.height // self.stride, self.width // self.stride

    @property
    def tokens_per_unit(self) -> int:
        rows, columns = self.grid
        return rows * columns


@dataclass(frozen=True, kw_only=True)
class HistoryConfig:
    """How much history a token sees: the first `sink_units`, then a window for each modality, in units.

    A constant of the trained model: the mask states it, the cache is sized by it, so a unit's cost is flat.
    """

    sink_units: int
    user_video_units: int
    user_audio_units: int
    agent_text_units: int
    agent_audio_units: int
    agent_video_units: int


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that shapes the function: two models with equal configurations and weights are the same function."""

    name: str
    backbone: BackboneConfig
    # Name of the text tokens' vocabulary: one that ships, a file (*.json), or "bytes".
    vocabulary: str = "bytes"
    user_audio: AudioCodecConfig | EarConfig
    user_video: VideoCodecConfig
    # The user's pictures go through the agent's video codec, which has seen visitors too and is not trained further.
    sees_with_codec: bool = False
    agent_audio: AudioCodecConfig
    agent_video: VideoCodecConfig
    history: HistoryConfig
    # Text tokens that one unit may carry; the last may not be followed by more in this unit.
    max_text_tokens: int
    # Units that the state pass lags behind the latents (docs/architecture.md): 0 is the paper's equation.
    lag: int
    # Euler steps of the solver.
    solver_steps: int

    def __post_init__(self) -> None:
        if self.lag not in (0, 1):
            raise ValueError(f"got lag {self.lag}, expected 0 or 1")
        if self.sees_with_codec and self.user_video != self.agent_video:
            raise ValueError("got sees_with_codec with another user_video than agent_video, expected the same")
        if self.solver_steps < 1 or self.max_text_tokens < 1:
            raise ValueError("got solver_steps or max_text_tokens below 1, expected at least 1")
