"""The model as one module: embeddings, user encoders, backbone, heads and the agent's codecs.

Shape letters: B batch, T tokens, D width, L layers, C channels.
"""

import hashlib

import torch
from torch import Tensor, nn

from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.layout import Kind, UnitLayout
from wan_streamer.model.rope import Rotation, frequencies, pair_axes, rotation
from wan_streamer.model.transformer import MODULATIONS, Transformer
from wan_streamer.model.user_encoder import EarEncoder, SightEncoder, UserAudioEncoder, UserVideoEncoder
from wan_streamer.model.video_codec import VideoCodec

# Sine and cosine features of the noise level.
TAU_FEATURES = 64


class WanStreamer(nn.Module):
    """One block-causal Transformer that reads and writes text, audio and video (arXiv 2606.25041)."""

    rope_axes: Tensor
    audio_latent_mean: Tensor
    audio_latent_deviation: Tensor
    video_latent_mean: Tensor
    video_latent_deviation: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.layout = UnitLayout.of(config)
        backbone, width = config.backbone, config.backbone.width
        audio_channels, video_channels = config.agent_audio.latent_channels, config.agent_video.latent_channels

        self.user_audio = _user_audio(config, width)
        self.user_video = _user_video(config, width)
        self.audio_codec = AudioCodec(config.agent_audio)
        self.video_codec = VideoCodec(config.agent_video)

        for kind, channels in (("audio", audio_channels), ("video", video_channels)):
            self.register_buffer(f"{kind}_latent_mean", torch.zeros(channels))
            self.register_buffer(f"{kind}_latent_deviation", torch.ones(channels))

        self.kind_embedding = nn.Embedding(len(Kind), width)
        self.text_embedding = nn.Embedding(backbone.vocabulary_size, width)
        self.audio_in = nn.Linear(audio_channels, width)
        self.video_in = nn.Linear(video_channels, width)
        self.tau_mlp = nn.Sequential(nn.Linear(TAU_FEATURES, width), nn.SiLU(), nn.Linear(width, MODULATIONS * width))
        self.layer_modulation = nn.Parameter(torch.zeros(backbone.layer_count, MODULATIONS, width))

        self.register_buffer("rope_axes", pair_axes(backbone), persistent=False)
        self.transformer = Transformer(backbone)

        self.text_head = nn.Linear(width, backbone.vocabulary_size, bias=False)
        self.audio_head = nn.Linear(width, audio_channels)
        self.video_head = nn.Linear(width, video_channels)
        self.apply(_initialise)

    def see(self, frames_BUFCHW: Tensor) -> Tensor:
        """What `embed_user` takes of the user's pictures: all that is not trained is done, so it can be stored."""
        return self.encode_video(frames_BUFCHW) if self.config.sees_with_codec else frames_BUFCHW

    def hear(self, samples_BT: Tensor) -> Tensor:
        """What `embed_user` takes of the user's sound."""
        return self.user_audio.sense(samples_BT)

    def embed_user(self, seen: Tensor, heard: Tensor) -> Tensor:
        """Tokens of the user's part of units from what `see` and `hear` gave, [B, U, T, D]."""
        return torch.cat([self.embed_seen(seen), self.embed_heard(heard)], dim=2)

    def embed_seen(self, seen: Tensor) -> Tensor:
        """Tokens of the user's pictures alone, [B, U, T, D]."""
        return self._typed(self.user_video(seen), Kind.USER_VIDEO)

    def embed_heard(self, heard: Tensor) -> Tensor:
        """Tokens of the user's sound alone, [B, U, T, D]."""
        return self._typed(self.user_audio(heard), Kind.USER_AUDIO)

    def embed_text(self, tokens_BT: Tensor) -> Tensor:
        """Tokens of the agent's words, [B, T, D]."""
        return self._typed(self.text_embedding(tokens_BT), Kind.AGENT_TEXT)

    def embed_latents(self, audio_BNC: Tensor, video_BNC: Tensor) -> Tensor:
        """Tokens of audio and video latents, noisy or clean, [..., T, D]."""
        return torch.cat([self.embed_audio(audio_BNC), self.embed_video(video_BNC)], dim=-2)

    def embed_audio(self, audio_BNC: Tensor) -> Tensor:
        """Tokens of audio latents alone."""
        return self._typed(self.audio_in(audio_BNC), Kind.AGENT_AUDIO)

    def embed_video(self, video_BNC: Tensor) -> Tensor:
        """Tokens of video latents alone."""
        return self._typed(self.video_in(video_BNC), Kind.AGENT_VIDEO)

    def _typed(self, x_BTD: Tensor, kind: Kind) -> Tensor:
        return x_BTD + self.kind_embedding.weight[kind]

    def codec(self, kind: str) -> AudioCodec | VideoCodec:
        """The agent's "audio" or "video" codec."""
        codecs: dict[str, AudioCodec | VideoCodec] = {"audio": self.audio_codec, "video": self.video_codec}
        return codecs[kind]

    def set_latent_statistics(self, kind: str, mean: Tensor, deviation: Tensor) -> None:
        """What the codec's latents are like; the model's own have mean 0 and deviation 1 in each channel."""
        getattr(self, f"{kind}_latent_mean").copy_(mean)
        getattr(self, f"{kind}_latent_deviation").copy_(deviation)

    def encode_audio(self, samples_BT: Tensor) -> Tensor:
        """The model's audio latents of samples, mean 0 and deviation 1, [B, N, C]."""
        mean, _ = self.audio_codec.encode(samples_BT)
        return (mean - self.audio_latent_mean) / self.audio_latent_deviation

    def encode_video(self, frames_BUFCHW: Tensor) -> Tensor:
        """The model's video latents of frames, mean 0 and deviation 1, [B, U, N, C]."""
        mean, _ = self.video_codec.encode(frames_BUFCHW)
        return (mean - self.video_latent_mean) / self.video_latent_deviation

    def decode_audio(self, latents_BNC: Tensor) -> Tensor:
        """Samples [B, T] in -1..1 of the model's audio latents."""
        return self.audio_codec.decode(latents_BNC * self.audio_latent_deviation + self.audio_latent_mean)

    def decode_video(self, latents_BUNC: Tensor) -> Tensor:
        """Frames [B, U, F, 3, height, width] in -1..1 of the model's video latents."""
        return self.video_codec.decode(latents_BUNC * self.video_latent_deviation + self.video_latent_mean)

    def velocities(self, context_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """Audio and video velocities from the contexts of a unit's latents, or of some of its video: one joint
        prediction."""
        audio, video = context_BTD.tensor_split([self.layout.counts[Kind.AGENT_AUDIO]], dim=1)
        return self.audio_head(audio), self.video_head(video)

    def modulation(self, tau: Tensor) -> Tensor:
        """Modulation by the noise level, [L, 6, *tau.shape, D]; zero at the start of training: blocks are then plain.

        Args:
            tau: noise levels from 0 (clean) to 1 (noise).
        """
        octaves = torch.arange(TAU_FEATURES // 2, device=tau.device) / 4
        angles = tau[..., None].to(torch.float64) * 2**octaves
        features = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.layer_modulation.dtype)
        shared = self.tau_mlp(features).unflatten(-1, (MODULATIONS, -1)).movedim(-2, 0)
        per_layer = self.layer_modulation.view(*self.layer_modulation.shape[:2], *(1,) * tau.ndim, -1)
        return shared[None] + per_layer

    def no_modulation(self) -> Tensor:
        """Modulation of tokens that have no noise level (user, text), [L, 6, 1, 1, D]."""
        layers, kinds, width = self.layer_modulation.shape
        return self.layer_modulation.new_zeros(layers, kinds, 1, 1, width)

    def rotation(self, positions_T3: Tensor) -> Rotation:
        """RoPE of tokens at integer positions (time, row, column)."""
        backbone = self.config.backbone
        # Made where they are used: a copy from the host would wait for the GPU.
        frequencies_P = frequencies(backbone, positions_T3.device)
        return rotation(positions_T3, frequencies_P, self.rope_axes, self.layer_modulation.dtype)

    def fingerprint(self) -> str:
        """Hash of configuration and weights: equal fingerprints compute the same function."""
        digest = hashlib.sha256(repr(self.config).encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:32]


def _user_audio(config: ModelConfig, width: int) -> UserAudioEncoder | EarEncoder:
    if isinstance(config.user_audio, EarConfig):
        return EarEncoder(config.user_audio, width, config.backbone.vocabulary_size)
    return UserAudioEncoder(config.user_audio, width)


def _user_video(config: ModelConfig, width: int) -> UserVideoEncoder | SightEncoder:
    return (SightEncoder if config.sees_with_codec else UserVideoEncoder)(config.user_video, width)


def _initialise(module: nn.Module) -> None:
    """Truncated-normal linear layers; what modulates starts at zero."""
    if isinstance(module, nn.Linear | nn.Embedding | nn.EmbeddingBag):
        nn.init.trunc_normal_(module.weight, std=0.02)
    if isinstance(module, nn.EmbeddingBag) and module.padding_idx is not None:
        nn.init.zeros_(module.weight[module.padding_idx])
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, WanStreamer):
        last = module.tau_mlp[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
