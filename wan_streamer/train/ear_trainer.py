"""Whisper's encoder learns to hear the visitors: letters by CTC from the two seconds that a window hears.

Connectionist temporal classification (Graves et al., ICML 2006) over the tokens in which some words are said. All of
the encoder learns; the layer that spells is thrown away, since the speech encoder spells from longer stretches.

Shape letters: W windows, T samples, R mel bands, F mel frames, N tokens, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.eval.word_errors import count_word_errors
from wan_streamer.media.formats import INT16_SCALE
from wan_streamer.model.row_integers import rounded
from wan_streamer.model.speech_encoder import BLANK, LETTERS
from wan_streamer.model.whisper_ear import WIDTH, WhisperEar, WhisperEncoder, WhisperMel, load_whisper_ear
from wan_streamer.train.clips import item_random
from wan_streamer.train.distributed import Group
from wan_streamer.train.ear_data import SpokenWindow, SpokenWindows
from wan_streamer.train.ema import Ema
from wan_streamer.train.heard_variant import warped
from wan_streamer.train.optimizer import make_optimizer, set_rates
from wan_streamer.train.schedule import OptimizerConfig, rate_factor
from wan_streamer.train.trainer import Arithmetic

# Vocal tracts from shorter to longer ones; and what SpecAugment (arXiv 1904.08779) hides: two bands, two moments.
WARP: Final = (0.85, 1.18)
WARPED_SHARE: Final = 0.7
HIDDEN_BANDS, HIDDEN_FRAMES = 14, 9


@dataclass(frozen=True, kw_only=True)
class EarRecipe:
    """How Whisper's encoder learns.

    Attributes:
        batch_size: windows of a step, over all processes.
        heldout_percent: of the conversations, by the hash of their names.
    """

    name: str
    seed: int = 0
    steps: int
    batch_size: int = 32
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            learning_rate=2e-4, betas=(0.9, 0.98), warmup_steps=200, gradient_norm=1.0
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


class Speller(nn.Module):
    """Log-mel energies [W, R, F] -> log-probabilities of letters and of BLANK, [W, N, K]."""

    def __init__(self, encoder: WhisperEncoder) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(True)
        self.letters = nn.Linear(WIDTH, len(LETTERS) + 1)

    def forward(self, mel_WRF: Tensor) -> Tensor:
        return F.log_softmax(self.letters(self.encoder(mel_WRF)).float(), dim=-1)


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
        self.speller = Speller(ear.encoder).to(arithmetic.device).train()
        self.ema = Ema(self.speller, recipe.ema_decay)
        self._forward: nn.Module = torch.compile(self.speller) if arithmetic.compile else self.speller  # type: ignore[assignment]
        self._optimizer = make_optimizer(self.speller.named_parameters(), recipe.optimizer)

    def step(self) -> dict[str, Tensor]:
        """Trains on the next batch; returns losses and gradient norms, this process's."""
        step, config = self.step_count, self.recipe.optimizer
        set_rates(self._optimizer, config, rate_factor(step, 0, self.recipe.steps, config))
        drawn = [(random := item_random(self.recipe.seed, step, item), self._draw(random)) for item in self.items]
        mels = torch.stack([hide_some(self._mel(window, random), random) for random, window in drawn])
        device = self.arithmetic.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.arithmetic.bfloat16):
            log_chances = self._forward(mels.to(device))
        loss = spelling_loss(log_chances, [window for _, window in drawn])
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average_gradients(self.speller.parameters())
        norm = nn.utils.clip_grad_norm_(self.speller.parameters(), config.gradient_norm)
        self._optimizer.step()
        self.ema.update(self.speller, step)
        self.step_count += 1
        return {"loss": loss.detach(), "norm": norm.detach()}

    def _draw(self, random: np.random.Generator) -> SpokenWindow:
        return self.windows.draw(self.training, random)

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
            "speller": self.speller.state_dict(),
            "ema": self.ema.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`."""
        self.step_count = state["step_count"]
        self.speller.load_state_dict(state["speller"])
        self.ema.module.load_state_dict(state["ema"])
        self._optimizer.load_state_dict(state["optimizer"])

    def start_from(self, path: Path) -> None:
        """Begins with an ear that was trained before.

        Raises:
            InvalidInput: it cannot be read.
        """
        state = load_whisper_ear(path).encoder.state_dict()
        for speller in (self.speller, self.ema.module):
            speller.encoder.load_state_dict(state)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Share of wrong letters in windows of held-out conversations, the same every time."""
        speller, device = self.ema.module, self.arithmetic.device
        wrong = said = 0
        for item in range(self.recipe.validation_items):
            window = self.windows.draw(self.held_out, item_random(self.recipe.seed, self.recipe.steps, item))
            likeliest = speller(self._mel(window)[None].to(device))[0, window.first : window.last].argmax(dim=-1)
            errors = count_word_errors(
                [str(one) for one in window.letters], [str(one) for one in collapsed(likeliest.tolist())]
            )
            wrong += errors.substituted + errors.deleted + errors.inserted
            said += len(window.letters)
        return {"letters_wrong": wrong / max(1, said)}

    def weights(self, metadata: dict[str, str]) -> bytes:
        """The averaged ear as it ships: 8-bit integers by row."""
        ear = WhisperEar()
        ear.encoder.load_state_dict(self.ema.module.encoder.state_dict())
        return safetensors.torch.save(rounded(ear.state_dict()), metadata | {"kind": "whisper-ear"})


def spelling_loss(log_chances_WNK: Tensor, windows: Sequence[SpokenWindow]) -> Tensor:
    """Nats a letter of what is said in the windows' own tokens."""
    counts = [window.last - window.first for window in windows]
    longest = max(counts)
    own = [
        F.pad(log_chances_WNK[place, window.first : window.last], (0, 0, 0, longest - count))
        for place, (window, count) in enumerate(zip(windows, counts, strict=True))
    ]
    nats: Tensor = F.ctc_loss(
        torch.stack(own, dim=1),
        torch.tensor([letter for window in windows for letter in window.letters], device=log_chances_WNK.device),
        torch.tensor(counts),
        torch.tensor([len(window.letters) for window in windows]),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return nats / sum(max(1, len(window.letters)) for window in windows)


def hide_some(mel_RF: Tensor, random: np.random.Generator) -> Tensor:
    """The energies with some bands and some moments at their mean."""
    mean = mel_RF.mean()
    for axis, widest in ((0, HIDDEN_BANDS), (1, HIDDEN_FRAMES)) * 2:
        width = int(random.integers(widest))
        mel_RF.narrow(axis, int(random.integers(mel_RF.shape[axis] - width + 1)), width).fill_(mean)
    return mel_RF


def collapsed(places: Sequence[int]) -> list[int]:
    """The letters that the likeliest class of each place spells: repeats are one, blanks are none."""
    return [one for at, one in enumerate(places) if one != BLANK and (at == 0 or places[at - 1] != one)]
