"""The training forward: a window of a conversation, clean, and noisy copies of some of its units, in one sequence.

The mask, the layout and the noise are those of serving. The order of the tokens means nothing (mask and positions say
all), so tokens that are modulated alike stand together: user and text, then clean latents, then noisy ones.

Shape letters: B batch, U units, K noisy units, T tokens, V noise levels, N tokens of a kind, C channels, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wan_streamer.model.attention import WholeAttention
from wan_streamer.model.flow import interpolate, target_velocity
from wan_streamer.model.layout import LATENT_KINDS, POSITIONS_PER_UNIT, Kind, UnitLayout
from wan_streamer.model.mask import CLEAN, Tokens, may_attend, window_units
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.blocked_attention import BlockedAttention

NOISY = 1


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of conversations of equal length; a kind that is left out of the sequence is None.

    Attributes:
        seen, heard: what `WanStreamer.see` and `hear` give, [B, U, ...].
        words: text tokens [B, U, N], negative where there is none.
        learns_words: units whose words are learned, [B, U]; the others' are seen only.
        learns_media: the same of their sound and pictures.
        audio, video: clean latents [B, U, N, C].
        noisy_units: units that have a noisy copy, int64 [K], the same in every window.
        tau: noise levels of the copies [B, K].
        audio_noise, video_noise: [B, K, N, C].
        context_noise: latents [B, U, N, C] that are added to the clean ones which others see (audio, video).
        answers: no sequence at all: `words` are to be named by the reader from `heard`, and these to be foretold, the
            agent's words [B, U + FORETOLD_UNITS, N].
        known_answers: the shares of text tokens in each answer that it may be, [A, V].
        forgets: no unit sees the words of those before it.
    """

    seen: Tensor | None = None
    heard: Tensor | None = None
    words: Tensor
    learns_words: Tensor | None = None
    learns_media: Tensor | None = None
    audio: Tensor | None = None
    video: Tensor | None = None
    noisy_units: Tensor
    tau: Tensor
    audio_noise: Tensor | None = None
    video_noise: Tensor | None = None
    context_noise: tuple[Tensor | None, Tensor | None] = (None, None)
    answers: Tensor | None = None
    known_answers: Tensor | None = None
    forgets: bool = False

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        audio_context, video_context = self.context_noise
        return Batch(
            seen=_moved(self.seen, device),
            heard=_moved(self.heard, device),
            words=self.words.to(device),
            learns_words=_moved(self.learns_words, device),
            learns_media=_moved(self.learns_media, device),
            audio=_moved(self.audio, device),
            video=_moved(self.video, device),
            noisy_units=self.noisy_units.to(device),
            tau=self.tau.to(device),
            audio_noise=_moved(self.audio_noise, device),
            video_noise=_moved(self.video_noise, device),
            context_noise=(_moved(audio_context, device), _moved(video_context, device)),
            answers=_moved(self.answers, device),
            known_answers=_moved(self.known_answers, device),
            forgets=self.forgets,
        )


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What the model says of a batch.

    Attributes:
        text_logits: for each text token of `words`, from what is seen before it, [B, U, N, vocabulary]; None in a
            sequence without user tokens, where nothing stands before a unit's first word.
        audio_velocity, video_velocity: of the noisy copies, [B, K, N, C].
    """

    text_logits: Tensor | None
    audio_velocity: Tensor | None
    video_velocity: Tensor | None


class TrainingForward(nn.Module):
    """One forward over a batch with the training mask (docs/architecture.md, "What a token may attend to")."""

    def __init__(self, model: WanStreamer) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Predictions:
        """Text logits and velocities.

        Raises:
            ValueError: the window is longer than what the sink and the windows of the mask hold at their places.
        """
        model, parts = self.model, _Parts(self.model.layout, batch)
        history = model.config.history
        if batch.words.shape[1] > history.sink_units + int(window_units(history, torch.device("cpu")).max()):
            raise ValueError(f"got windows of {batch.words.shape[1]} units, expected no more than the mask's longest")
        x, tokens, positions = self._embed(batch, parts)
        # What sees nothing (an absent word) sees itself: a softmax needs something.
        itself_TT = torch.eye(len(tokens.unit), dtype=torch.bool, device=x.device)
        visible_TT = may_attend(tokens, tokens, lag=model.config.lag, history=history) | itself_TT
        if batch.forgets:
            visible_TT &= (tokens.kind != Kind.AGENT_TEXT) | (tokens.unit[:, None] == tokens.unit)
        mask_BTT = visible_TT & (parts.present_BT(batch)[:, None, :] | itself_TT)
        rotation, modulation = model.rotation(positions), self._modulation(batch, parts)
        # Which keys a block of queries meets depends on numbers; without memory there are none.
        attention = WholeAttention(mask_BTT) if x.is_meta else BlockedAttention(mask_BTT, tokens.unit)
        context = model.transformer(x, rotation, modulation, attention)
        return self._predict(context, batch, parts)

    def _embed(self, batch: Batch, parts: "_Parts") -> tuple[Tensor, Tokens, Tensor]:
        model = self.model
        plain = [model.embed_seen(batch.seen)] if batch.seen is not None else []
        plain += [model.embed_heard(batch.heard)] if batch.heard is not None else []
        plain.append(model.embed_text(batch.words.clamp(min=0)))
        x = [torch.cat(plain, dim=2).flatten(1, 2)]
        sides = (
            (batch.audio, batch.audio_noise, model.embed_audio),
            (batch.video, batch.video_noise, model.embed_video),
        )
        there = [(clean, noise, embed) for clean, noise, embed in sides if clean is not None]
        extra = [part for part, side in zip(batch.context_noise, sides, strict=True) if side[0] is not None]
        if there:
            context = [
                clean if more is None else clean + more for (clean, _, _), more in zip(there, extra, strict=True)
            ]
            x.append(torch.cat([e(c) for (_, _, e), c in zip(there, context, strict=True)], dim=2).flatten(1, 2))
        if there and len(batch.noisy_units):
            tau, units = batch.tau[:, :, None, None], batch.noisy_units
            noisy = [e(interpolate(c[:, units], _needed(n), tau)) for c, n, e in there]
            x.append(torch.cat(noisy, dim=2).flatten(1, 2))
        return torch.cat(x, dim=1), parts.tokens(), parts.positions()

    def _modulation(self, batch: Batch, parts: "_Parts") -> "LevelModulation":
        levels = torch.cat([batch.tau.new_zeros(batch.tau.shape[0], 1), batch.tau], dim=1)
        modulated = self.model.modulation(levels)
        plain = self.model.no_modulation().expand(-1, -1, *modulated.shape[2:3], 1, -1)
        return LevelModulation(torch.cat([plain, modulated], dim=3), parts.levels())

    def _predict(self, context: Tensor, batch: Batch, parts: "_Parts") -> Predictions:
        model = self.model
        text = model.text_head(context[:, parts.before_text()]) if parts.user_count else None
        if text is not None:
            text = text.unflatten(1, batch.words.shape[1:])
        velocities: list[Tensor | None] = [None, None]
        if parts.noisy_count:
            noisy = context[:, -parts.noisy_count :].unflatten(1, (len(batch.noisy_units), -1))
            counts = parts.latent_counts
            split = iter(noisy.split(counts, dim=2))
            heads = ((batch.audio, model.audio_head), (batch.video, model.video_head))
            velocities = [head(next(split)) if latents is not None else None for latents, head in heads]
        return Predictions(text_logits=text, audio_velocity=velocities[0], video_velocity=velocities[1])


class LevelModulation:
    """Modulation of tokens by their level: a row of a table for each, gathered layer by layer to keep it small."""

    def __init__(self, table_LMBVD: Tensor, levels_T: Tensor) -> None:
        self._table, self._levels = table_LMBVD, levels_T

    def __getitem__(self, layer: int) -> Tensor:
        return self._table[layer].index_select(2, self._levels)


class _Parts:
    """Which tokens stand where in the sequence of a batch."""

    def __init__(self, layout: UnitLayout, batch: Batch) -> None:
        self._layout, self._device = layout, batch.words.device
        self._units = torch.arange(batch.words.shape[1], device=self._device)
        self._noisy_units = batch.noisy_units
        there = {
            Kind.USER_VIDEO: batch.seen is not None,
            Kind.USER_AUDIO: batch.heard is not None,
            Kind.AGENT_TEXT: True,
            Kind.AGENT_AUDIO: batch.audio is not None,
            Kind.AGENT_VIDEO: batch.video is not None,
        }
        self._plain = self._rows([kind for kind in there if kind < Kind.AGENT_AUDIO and there[kind]])
        self._latents = self._rows([kind for kind in LATENT_KINDS if there[kind]])
        self.latent_counts = [layout.counts[kind] for kind in LATENT_KINDS if there[kind]]
        self.user_count = len(self._plain) - layout.counts[Kind.AGENT_TEXT]
        self.noisy_count = len(self._noisy_units) * len(self._latents)

    def tokens(self) -> Tokens:
        """Unit, kind, index and level of every token, each [T]."""
        kinds, indices = self._layout.kinds_T().to(self._device), self._layout.indices_T().to(self._device)
        rows = self._each_row()
        return Tokens(
            self._each_unit(), kinds[rows], indices[rows], (self.levels() > 1).long() * (NOISY - CLEAN) + CLEAN
        )

    def positions(self) -> Tensor:
        """Places on the axes (time, row, column), [T, 3]."""
        return (
            self._layout.offsets_T3().to(self._device)[self._each_row()]
            + self._each_unit()[:, None] * POSITIONS_PER_UNIT
        )

    def levels(self) -> Tensor:
        """Row of each token in the table of modulations: 0 none, 1 clean latents, 2 + k the k-th noisy unit, [T]."""
        plain = torch.zeros(len(self._units) * len(self._plain), dtype=torch.long, device=self._device)
        clean = torch.ones(len(self._units) * len(self._latents), dtype=torch.long, device=self._device)
        noisy = torch.arange(len(self._noisy_units), device=self._device) + 2
        return torch.cat([plain, clean, noisy.repeat_interleave(len(self._latents))])

    def present_BT(self, batch: Batch) -> Tensor:
        """Whether there is such a token at all, [B, T]."""
        words = batch.words >= 0
        users = words.new_ones(*words.shape[:2], self.user_count)
        plain = torch.cat([users, words], dim=2).flatten(1)
        latents = words.new_ones(words.shape[0], len(self._each_row()) - plain.shape[1])
        return torch.cat([plain, latents], dim=1)

    def before_text(self) -> Tensor:
        """Where the token stands that predicts each text token, [U * N]."""
        size, count = len(self._plain), self._layout.counts[Kind.AGENT_TEXT]
        offsets = torch.arange(count, device=self._device) + self.user_count - 1
        return (self._units[:, None] * size + offsets).flatten()

    def _each_row(self) -> Tensor:
        repeats = (
            (len(self._units), self._plain),
            (len(self._units), self._latents),
            (len(self._noisy_units), self._latents),
        )
        return torch.cat([rows.repeat(count) for count, rows in repeats])

    def _each_unit(self) -> Tensor:
        repeats = ((self._units, self._plain), (self._units, self._latents), (self._noisy_units, self._latents))
        return torch.cat([units.repeat_interleave(len(rows)) for units, rows in repeats])

    def _rows(self, kinds: list[Kind]) -> Tensor:
        places = torch.arange(self._layout.token_count)
        rows = [places[self._layout.slice(kind)] for kind in kinds]
        return torch.cat([*rows, places[:0]]).to(self._device)


def velocity_targets(batch: Batch) -> tuple[Tensor | None, Tensor | None]:
    """What the velocities of the noisy copies are to be, audio and video."""
    units = batch.noisy_units
    audio, video = (
        None if clean is None else target_velocity(clean[:, units], _needed(noise))
        for clean, noise in ((batch.audio, batch.audio_noise), (batch.video, batch.video_noise))
    )
    return audio, video


def _needed(noise: Tensor | None) -> Tensor:
    assert noise is not None
    return noise


def _moved(values: Tensor | None, device: torch.device) -> Tensor | None:
    return None if values is None else values.to(device)
