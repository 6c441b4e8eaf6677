"""One step of training, with or without an adversary, on one process or several."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wan_streamer.errors import InvalidInput
from wan_streamer.model.codec_weights import TrainedCodec, load_codec, pack
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.train.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from wan_streamer.train.codec_task import CodecTask, Reconstruct
from wan_streamer.train.distributed import Group
from wan_streamer.train.ema import Ema
from wan_streamer.train.optimizer import make_optimizer, set_rates
from wan_streamer.train.schedule import rate_factor


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How the hardware computes; not what it computes.

    `micro_batch`, `checkpointing` and `shard` save memory where the Transformer is trained: so many windows at a time
    in each process (0: all of its share), activations computed twice instead of kept, blocks shared by processes.
    """

    device: torch.device
    bfloat16: bool = False
    compile: bool = False
    micro_batch: int = 0
    checkpointing: bool = False
    shard: bool = False


class Trainer:
    """Everything that changes from step to step. Its state after a step decides all that follows, bit for bit."""

    def __init__(self, task: CodecTask, arithmetic: Arithmetic, group: Group) -> None:
        self.task, self.arithmetic, self.group = task, arithmetic, group
        self.recipe = recipe = task.recipe
        self.items = group.share(recipe.batch_size)
        self.step_count = 0
        device = arithmetic.device
        self.codec = task.codec.to(device).train()
        self.discriminators = task.discriminators.to(device).train()
        self.reconstruction = task.reconstruction.to(device)
        self.ema = Ema(self.codec, recipe.ema_decay)
        self.codec_optimizer = make_optimizer(self.codec.named_parameters(), recipe.optimizer)
        self.discriminator_rates = dataclasses.replace(
            recipe.optimizer, learning_rate=recipe.adversarial.learning_rate, muon=()
        )
        self.discriminator_optimizer = make_optimizer(self.discriminators.named_parameters(), self.discriminator_rates)
        reconstruct = Reconstruct(self.codec)
        self.reconstruct: nn.Module = torch.compile(reconstruct) if arithmetic.compile else reconstruct  # type: ignore[assignment]
        self._latent_shape: torch.Size | None = None

    def step(self) -> dict[str, Tensor]:
        """Trains on the next batch; returns losses and gradient norms, this process's."""
        step = self.step_count
        adversarial = step >= self.recipe.adversarial.start_step
        self._set_rates(step)
        original = self._to_device(self.task.batch(step, self.items))
        with self._autocast():
            output = self.reconstruct(original, self._noise(original, step, self.items))
        decoded = output[0].float()
        measures: dict[str, Tensor] = {}
        if adversarial:
            measures |= self._step_discriminators(original, decoded.detach())
        parts = self.task.losses(output, original)
        if adversarial:
            parts |= self._adversarial_parts(original, decoded)
        loss = torch.stack(list(parts.values())).sum()
        norm = self._apply(self.codec, self.codec_optimizer, loss)
        self.ema.update(self.codec, step)
        self.step_count += 1
        return measures | {name: part.detach() for name, part in parts.items()} | {"loss": loss.detach(), "norm": norm}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "step_count": self.step_count,
            "codec": self.codec.state_dict(),
            "ema": self.ema.module.state_dict(),
            "codec_optimizer": self.codec_optimizer.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`."""
        self.step_count = state["step_count"]
        self.codec.load_state_dict(state["codec"])
        self.ema.module.load_state_dict(state["ema"])
        self.codec_optimizer.load_state_dict(state["codec_optimizer"])
        self.discriminators.load_state_dict(state["discriminators"])
        self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])

    def start_from(self, path: Path) -> None:
        """Begins with weights that were trained before.

        Raises:
            InvalidInput: they cannot be read, or are of another configuration.
        """
        kind = "audio" if isinstance(self.task.config, AudioCodecConfig) else "video"
        trained = load_codec(path, kind)
        if trained.config != self.task.config:
            raise InvalidInput(
                f"got {path} with {trained.config}, expected {self.task.config} of the recipe; name other weights",
                reason="WEIGHTS_KIND",
            )
        for codec in (self.codec, self.ema.module):
            codec.load_state_dict(trained.codec.state_dict())

    def validate(self) -> dict[str, float]:
        """How good the averaged weights are on what is held out."""
        return self.task.validate(self.ema.module, self.arithmetic.device)

    def weights(self, metadata: dict[str, str]) -> bytes:
        """The averaged weights with the statistics of their latents, as they ship."""
        mean, deviation = self.task.latent_statistics(self.ema.module, self.arithmetic.device)
        return pack(TrainedCodec(self.ema.module, self.task.config, mean, deviation, metadata), torch.float16)

    def _step_discriminators(self, original: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        self.discriminators.requires_grad_(True)
        with self._autocast():
            real, made = self.discriminators(original), self.discriminators(decoded)
        loss = discriminator_loss(real, made)
        norm = self._apply(self.discriminators, self.discriminator_optimizer, loss)
        return {"discriminator": loss.detach(), "discriminator_norm": norm}

    def _adversarial_parts(self, original: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        config = self.recipe.adversarial
        self.discriminators.requires_grad_(False)
        with self._autocast():
            with torch.no_grad():
                real = self.discriminators(original)
            made = self.discriminators(decoded)
        return {
            "adversarial": config.weight * generator_loss(made),
            "features": config.feature_weight * feature_matching_loss(real, made),
        }

    def _apply(self, module: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """One optimizer step; returns the norm of the gradient before it was clipped."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average_gradients(module.parameters())
        norm = nn.utils.clip_grad_norm_(module.parameters(), self.recipe.optimizer.gradient_norm)
        optimizer.step()
        return norm.detach()

    def _set_rates(self, step: int) -> None:
        recipe, config = self.recipe, self.recipe.optimizer
        start = recipe.adversarial.start_step
        set_rates(self.codec_optimizer, config, rate_factor(step, 0, recipe.steps, config))
        if step >= start:
            factor = rate_factor(step, start, recipe.steps, config)
            set_rates(self.discriminator_optimizer, self.discriminator_rates, factor)

    def _noise(self, original: Tensor, step: int, items: Sequence[int]) -> Tensor:
        if self._latent_shape is None:
            with torch.no_grad():
                self._latent_shape = self.ema.module.encode(original[:1])[0].shape
        return self._to_device(self.task.noise(step, items, self._latent_shape))

    def _to_device(self, values: Tensor) -> Tensor:
        return values.to(self.arithmetic.device, non_blocking=True)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.arithmetic.device.type, torch.bfloat16, enabled=self.arithmetic.bfloat16)
