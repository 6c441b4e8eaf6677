"""Whisper's encoder learns to hear the visitors: letters by CTC from the two seconds that a window hears.

Connectionist temporal classification (Graves et al., ICML 2006) over the tokens in which each word is said. All of the
encoder learns, slowly, and what spells on top of it fast.

Shape letters: W windows, T samples, R mel bands, F mel frames, N tokens, D width, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from wan_streamer.media.formats import INT16_SCALE
from wan_streamer.model.row_integers import rounded
from wan_streamer.model.whisper_ear import WhisperEar, WhisperMel, load_whisper_ear
from wan_streamer.train.clips import item_random
from wan_streamer.train.distributed import Group
from wan_streamer.train.ear_data import SpokenWindow, SpokenWindows
from wan_streamer.train.ema import Ema
from wan_streamer.train.heard_variant import warped
from wan_streamer.train.optimizer import set_rates
from wan_streamer.train.schedule import OptimizerConfig, rate_factor
from wan_streamer.train.spelling import nats_of_letters
from wan_streamer.train.trainer import Arithmetic
from wan_streamer.train.whisper_ear_weights import AUTHORS

# Vocal tracts from shorter to longer ones; and what SpecAugment (arXiv 1904.08779) hides: two bands, two moments.
WARP: Final = (0.85, 1.18)
WARPED_SHARE: Final = 0.7
HIDDEN_BANDS, HIDDEN_FRAMES = 14, 9


@dataclass(frozen=True, kw_only=True)
class EarRecipe:
    """How Whisper's encoder learns.

    Attributes:
        batch_size: windows of a step, over all processes.
        encoder_rate: of the learning rate, for what is pretrained: with all of it what it knew is lost.
        heldout_percent: of the conversations, by the hash of their names.
    """

    name: str
    seed: int = 0
    steps: int
    batch_size: int = 32
    encoder_rate: float = 1 / 15
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            learning_rate=1.2e-3, betas=(0.9, 0.98), warmup_steps=200, gradient_norm=1.0
        )
    )
    ema_decay: float = 0.998
    heldout_percent: int = 4
    validation_items: int = 128
    validate_every_steps: int = 250
    log_every_steps: int = 10

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_size, self.validation_items, self.log_every_steps, self.validate_every_steps) < 1:
            raise ValueError("got steps, batch_size, validation_items or a period below 1, expected at least 1")


class SpellingEar(nn.Module):
    """Log-mel energies [W, R, F] -> log-probabilities of letters and of BLANK, [W, N, K]."""

    def __init__(self, ear: WhisperEar) -> None:
        super().__init__()
        # What spells is causal: what lies ahead only the encoder knows, as where it serves.
        self.encoder, self.speller = ear.encoder.requires_grad_(True), ear.speller.requires_grad_(True)

    def forward(self, mel_WRF: Tensor) -> Tensor:
        log_chances: Tensor = self.speller(self.encoder(mel_WRF))
        return log_chances


class EarTrainer:
    """Everything that changes from step to step. Its state after a step decides all that follows, bit for bit."""

    def __init__(
        self, recipe: EarRecipe, windows: SpokenWindows, ear: WhisperEar, arithmetic: Arithmetic, group: Group
    ) -> None:
        self.recipe, self.windows, self.arithmetic, self.group = recipe, windows, arithmetic, group
        self.training, held_out = windows.split(recipe.heldout_percent)
        self.held_out = held_out or self.training
        self.items = group.share(recipe.batch_size)
        self.step_count = 0
        self.mel = WhisperMel()
        self._filters = self.mel.filters.clone()
        self.ear = SpellingEar(ear).to(arithmetic.device).train()
        self.ema = Ema(self.ear, recipe.ema_decay)
        self._forward: nn.Module = torch.compile(self.ear) if arithmetic.compile else self.ear  # type: ignore[assignment]
        parts = (self.ear.encoder, self.ear.speller)
        rates, decay = recipe.optimizer, recipe.optimizer.weight_decay
        self._optimizer = torch.optim.AdamW(
            [{"params": list(part.parameters())} for part in parts], betas=rates.betas, weight_decay=decay
        )

    def step(self) -> dict[str, Tensor]:
        """Trains on the next batch; returns losses and gradient norms, this process's."""
        step, config = self.step_count, self.recipe.optimizer
        set_rates(self._optimizer, config, rate_factor(step, 0, self.recipe.steps, config))
        self._optimizer.param_groups[0]["lr"] *= self.recipe.encoder_rate
        randoms = [item_random(self.recipe.seed, step, item) for item in self.items]
        windows = [self.windows.draw(self.training, random) for random in randoms]
        pairs = zip(windows, randoms, strict=True)
        mels = torch.stack([hide_some(self._mel(window, random), random) for window, random in pairs])
        device = self.arithmetic.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.arithmetic.bfloat16):
            log_chances = self._forward(mels.to(device))
        loss = spelling_loss(log_chances, windows)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average_gradients(self.ear.parameters())
        norm = nn.utils.clip_grad_norm_(self.ear.parameters(), config.gradient_norm)
        self._optimizer.step()
        self.ema.update(self.ear, step)
        self.step_count += 1
        return {"loss": loss.detach(), "norm": norm.detach()}

    def _mel(self, window: SpokenWindow, random: np.random.Generator | None = None) -> Tensor:
        """Of one window [R, F]; with `random` as a voice of another length would sound."""
        factor = random.uniform(*WARP) if random is not None and random.random() < WARPED_SHARE else 1.0
        self.mel.filters.copy_(self._filters if factor == 1.0 else warped(self._filters, factor))
        samples = torch.from_numpy(window.samples_T.astype(np.float32) / INT16_SCALE)
        return self.mel(samples[None])[0]

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "step_count": self.step_count,
            "ear": self.ear.state_dict(),
            "ema": self.ema.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`."""
        self.step_count = state["step_count"]
        self.ear.load_state_dict(state["ear"])
        self.ema.module.load_state_dict(state["ema"])
        self._optimizer.load_state_dict(state["optimizer"])

    def start_from(self, path: Path) -> None:
        """Begins with an ear that was trained before.

        Raises:
            InvalidInput: it cannot be read.
        """
        state = SpellingEar(load_whisper_ear(path)).state_dict()
        for ear in (self.ear, self.ema.module):
            ear.load_state_dict(state)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Nats a letter in windows of held-out conversations as they are, the same every time."""
        drawn = [item_random(self.recipe.seed, self.recipe.steps, item) for item in range(self.recipe.validation_items)]
        windows = [self.windows.draw(self.held_out, random) for random in drawn]
        mels = torch.stack([self._mel(window) for window in windows]).to(self.arithmetic.device)
        return {"letters": float(spelling_loss(self.ema.module(mels), windows))}

    def weights(self, metadata: dict[str, str]) -> bytes:
        """The averaged ear as it ships: 8-bit integers by row."""
        ear = WhisperEar()
        ear.encoder.load_state_dict(self.ema.module.encoder.state_dict())
        ear.speller.load_state_dict(self.ema.module.speller.state_dict())
        return safetensors.torch.save(rounded(ear.state_dict()), metadata | {"kind": "whisper-ear", "authors": AUTHORS})


def spelling_loss(log_chances_WNK: Tensor, windows: Sequence[SpokenWindow]) -> Tensor:
    """Nats a letter of what is said in the windows, each word in its own tokens."""
    parts = [(place, part) for place, window in enumerate(windows) for part in window.spelled]
    counts = [part.last - part.first for _, part in parts]
    device = log_chances_WNK.device
    places = torch.tensor([place for place, _ in parts], device=device)
    firsts = torch.tensor([part.first for _, part in parts], device=device)
    # What is beyond a part's last token does not count.
    tokens = (firsts[:, None] + torch.arange(max(counts), device=device)).clamp(max=log_chances_WNK.shape[1] - 1)
    letters = [part.letters for _, part in parts]
    nats = nats_of_letters(log_chances_WNK[places[:, None], tokens], letters, torch.tensor(counts))
    return nats / sum(max(1, len(one)) for one in letters)


def hide_some(mel_RF: Tensor, random: np.random.Generator) -> Tensor:
    """The energies with some bands and some moments at their mean."""
    mean = mel_RF.mean()
    for axis, widest in ((0, HIDDEN_BANDS), (1, HIDDEN_FRAMES)) * 2:
        width = int(random.integers(widest))
        mel_RF.narrow(axis, int(random.integers(mel_RF.shape[axis] - width + 1)), width).fill_(mean)
    return mel_RF
