"""One step of the Transformer's training, on one process or several."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import HEARD_LETTERS, ModelConfig
from wan_streamer.model.model_weights import fill_trained, load_own_codecs, load_trained, pack_model, trained_tensors
from wan_streamer.model.presets import untrained
from wan_streamer.model.senses import HASH, WITH_PICTURES, check_senses, senses_metadata
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distributed import Group
from wan_streamer.train.ema import Ema
from wan_streamer.train.encoded_set import ROLLED, EncodedSet
from wan_streamer.train.mishearing import Mishearing
from wan_streamer.train.model_losses import Learner, gradient_norms, token_count, training_tflop
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.optimizer import make_optimizer, set_rates
from wan_streamer.train.schedule import rate_factor
from wan_streamer.train.sequence import Batch
from wan_streamer.train.sharding import ShardedState, by_kind, clip_gradients, copy_trained, shard_blocks, whole
from wan_streamer.train.trainer import Arithmetic
from wan_streamer.train.windows import MISHEARD, STEP_ITEM, VALIDATION_STEP, Records, Windows
from wan_streamer.train.words import NOTHING

# Conversations of each set whose sound says what features are like; what is digitally silent is like nothing.
STATISTICS_CONVERSATIONS, LEAST_DEVIATION = 50, 1e-3
# Keeps the choice of a step's task apart from its windows.
TASK_STREAM = 2


class ModelTask:
    """The data of a stage, in two parts: what is learned from, and what is held out.

    Raises:
        InvalidInput: a folder holds no encoded conversations, or too short ones for a task.
    """

    def __init__(self, recipe: ModelRecipe, sets: Sequence[EncodedSet]) -> None:
        self.recipe, self.sets = recipe, tuple(sets)
        # Set by set: what is held out of one is held out of its variants.
        rolled = [one for one in sets if ROLLED in one.about]
        recorded = [one for one in sets if ROLLED not in one.about]
        # Sound and pictures are learned from recordings; what to say, beside what the model makes of them itself.
        beside = [*(one for one in recorded if not (rolled and one.about["pictures"])), *rolled]
        of_recorded, of_beside = (_parts(some, recipe.heldout_every) for some in (recorded, beside))
        mishearing = None
        if any(task.where in MISHEARD for task in recipe.tasks):
            heard = zip_longest(*(one.conversations for one in recorded), fillvalue=())
            mishearing = Mishearing((one for some in heard for one in some), vocabulary_named(recipe.model.vocabulary))
        parts = [of_recorded if task.noisy_units else of_beside for task in recipe.tasks]
        # What is lent is not learned: what is held out borrows it from all.
        self.training, self.heldout = (
            [
                Windows(_fitting(part[side], task), task, lenders=part[0], mishearing=mishearing)
                for part, task in zip(parts, recipe.tasks, strict=True)
            ]
            for side in (0, 1)
        )
        shares = np.array([task.share for task in recipe.tasks], np.float64)
        self._shares = shares / shares.sum()

    def of_step(self, step: int) -> Windows:
        """The windows of the task that a step is of."""
        random = np.random.default_rng((self.recipe.seed, step, STEP_ITEM, TASK_STREAM))
        return self.training[int(random.choice(len(self.training), p=self._shares))]

    def heard_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each feature of the ear where somebody speaks, each [C]."""
        spoken = [
            np.asarray(one["heard"])[one["said"][:, 1] != NOTHING][..., HEARD_LETTERS:]
            for encoded in self.sets
            for one in encoded.conversations[:STATISTICS_CONVERSATIONS]
        ]
        features_NC = torch.from_numpy(np.concatenate(spoken).astype(np.float32)).flatten(0, 1)
        # Of what was made without sound nothing is known.
        features_NC = features_NC[~features_NC.isnan().any(dim=1)]
        return features_NC.mean(dim=0), features_NC.std(dim=0).clamp(min=LEAST_DEVIATION)

    @torch.no_grad()
    def validate(self, model: WanStreamer, device: torch.device) -> dict[str, float]:
        """Losses of each task on held-out conversations, the same windows and noise every time."""
        learner = Learner(model, self.recipe)
        found: dict[str, float] = {}
        for windows in self.heldout:
            items = range(min(self.recipe.validation_items, 2 * windows.task.batch_size))
            losses = learner(windows.batch(self.recipe, VALIDATION_STEP, items).to(device))
            found |= {f"{windows.task.name}_{name}": float(loss) for name, loss in losses.items()}
        return found


class ModelTrainer:
    """Everything that changes from step to step. Its state after a step decides all that follows, bit for bit.

    Args:
        initial_weights: whose codecs are taken, where the file has some; those that ship else.

    Raises:
        InvalidInput: a set was encoded with other codecs than the model's.
    """

    def __init__(
        self, task: ModelTask, arithmetic: Arithmetic, group: Group, initial_weights: Path | None = None
    ) -> None:
        self.task, self.arithmetic, self.group = task, arithmetic, group
        self.recipe = recipe = task.recipe
        self.step_count = 0
        self.model = trainable(recipe.model, recipe.seed)
        self._has_own_codecs = initial_weights is not None and load_own_codecs(initial_weights, self.model)
        self.model.to(arithmetic.device)
        for encoded in task.sets:
            made_with = {HASH: encoded.about["model"], WITH_PICTURES: str(encoded.about["pictures"]).lower()}
            check_senses(made_with, self.model, encoded.folder)
        self._know_ear(self.model)
        self.model.transformer.checkpointing = arithmetic.checkpointing
        self.learner = Learner(self.model, recipe)
        self.ema = Ema(self.model, recipe.ema_decay)
        if arithmetic.compile:
            # Block by block: nearly all of the work, one small graph that all share, and windows may be of any length.
            for block in self.model.transformer.blocks:
                block.compile()
        if arithmetic.shard:
            for model in (self.model, self.ema.module):
                shard_blocks(model, group, arithmetic.device)
        trained = {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        self._parameters = list(trained.values())
        self._optimizer = make_optimizer(trained.items(), recipe.optimizer)

    def step(self) -> dict[str, Tensor]:
        """Trains on the next batch; returns losses and gradient norms, this process's."""
        step, recipe = self.step_count, self.recipe
        set_rates(self._optimizer, recipe.optimizer, rate_factor(step, 0, recipe.steps, recipe.optimizer))
        windows = self.task.of_step(step)
        self._optimizer.zero_grad(set_to_none=True)
        measures = self._accumulate(windows, step)
        # What is shared arrives averaged.
        self.group.average_gradients(by_kind(self._parameters)[0])
        norms = gradient_norms(self.model)
        clip_gradients(self._parameters, recipe.optimizer.gradient_norm)
        self._optimizer.step()
        self.ema.update(self.model, step)
        self.step_count += 1
        return measures | norms

    def _accumulate(self, windows: Windows, step: int) -> dict[str, Tensor]:
        """Adds up the gradients of this process's share of a step, some windows at a time; returns what to log."""
        share = self.group.share(windows.task.batch_size)
        size = self.arithmetic.micro_batch or len(share)
        totals: dict[str, Tensor] = {}
        for first in range(0, len(share), size):
            items = share[first : first + size]
            batch = windows.batch(self.recipe, step, items).to(self.arithmetic.device)
            with torch.autocast(self.arithmetic.device.type, torch.bfloat16, enabled=self.arithmetic.bfloat16):
                losses = self.learner(batch)
            # Losses are means over windows: each part counts as its windows do.
            parts = {f"{windows.task.name}_{name}": loss * (len(items) / len(share)) for name, loss in losses.items()}
            loss = torch.stack(list(parts.values())).sum()
            loss.backward()
            counted = {"loss": loss, **self._work(batch)}
            for name, value in (parts | counted).items():
                totals[name] = totals.get(name, 0.0) + value.detach()
        return totals

    def _work(self, batch: Batch) -> dict[str, Tensor]:
        """Tokens and floating point operations of all processes for such a batch in each."""
        device, processes = self.arithmetic.device, self.group.size
        tokens = torch.tensor(float(token_count(self.model, batch) * processes), device=device)
        tflop = torch.tensor(training_tflop(self.model, batch) * processes, device=device)
        return {"tokens": tokens, "tflop": tflop}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "step_count": self.step_count,
            "model": trained_tensors(self.model),
            "ema": trained_tensors(self.ema.module),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`."""
        self.step_count = state["step_count"]
        fill_trained(self.model, state["model"])
        fill_trained(self.ema.module, state["ema"])
        self._optimizer.load_state_dict(state["optimizer"])

    @property
    def sharded(self) -> bool:
        """Whether all processes have to validate, save and give weights together."""
        return self.arithmetic.shard

    def sharded_state(self, folder: Path) -> ShardedState:
        """What a run in parts saves and goes on from instead of `state` and `restore`."""
        return ShardedState(folder, self.model, self.ema.module, self._optimizer, self.group)

    def start_from(self, path: Path) -> None:
        """Begins with weights that were trained before.

        Raises:
            InvalidInput: they cannot be read, or are of another configuration.
        """
        source = trainable(self.recipe.model, self.recipe.seed)
        load_trained(path, source)
        for model in (self.model, self.ema.module):
            copy_trained(model, source)
            self._know_ear(model)

    def take_reader(self, path: Path) -> None:
        """Takes what reads letters, and nothing else, of weights that were trained before.

        Raises:
            InvalidInput: they cannot be read, are of another configuration, or of a model without a reader.
        """
        source = untrained(self.recipe.model, self.recipe.seed)
        use_shipped_senses(source)
        load_trained(path, source)
        for model in (self.model, self.ema.module):
            if not isinstance(model.user_audio, EarEncoder) or not isinstance(source.user_audio, EarEncoder):
                raise InvalidInput(
                    f"got {path} for {self.recipe.model.name}, expected one with an ear; leave --initial-reader out",
                    reason="OPTIONS",
                )
            model.user_audio.reader.load_state_dict(source.user_audio.reader.state_dict())

    def _know_ear(self, model: WanStreamer) -> None:
        """Gives the reader the statistics of what it hears, unless it has some."""
        if isinstance(model.user_audio, EarEncoder) and bool((model.user_audio.reader.deviation == 1).all()):
            model.user_audio.reader.set_statistics(*self.task.heard_statistics())

    def validate(self) -> dict[str, float]:
        """How good the averaged weights are on what is held out."""
        return self.task.validate(self.ema.module, self.arithmetic.device)

    def weights(self, metadata: dict[str, str]) -> bytes:
        """The averaged weights as they ship."""
        pictures = any(task.sees or task.shows for task in self.recipe.tasks)
        senses = senses_metadata(self.model, pictures=pictures)
        source = self.ema.module
        if self.sharded:
            source = untrained(self.recipe.model, self.recipe.seed)
            source.load_state_dict({name: whole(value).cpu() for name, value in self.ema.module.state_dict().items()})
        return pack_model(source, metadata | senses, torch.float16, with_codecs=self._has_own_codecs)


def trainable(config: ModelConfig, seed: int) -> WanStreamer:
    """The model with the codecs and the ear that ship, which stay as they are."""
    model = untrained(config, seed)
    use_shipped_senses(model)
    names = trained_tensors(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    return model.train()


def _parts(sets: Sequence[EncodedSet], heldout_every: int) -> tuple[list[Records], list[Records]]:
    """What is learned from, and what is held out."""
    numbered = [(number % heldout_every, one) for s in sets for number, one in enumerate(s.conversations)]
    held_out = [one for place, one in numbered if place == 0]
    return [one for place, one in numbered if place] or held_out, held_out


def _fitting(conversations: Sequence[Records], task: TaskConfig) -> list[Records]:
    """Those that have what a task needs; all where none has it, for the error that says so."""
    if task.borrows:
        return list(conversations)
    needed = {"video"} if task.sees or task.shows else set()
    needed |= {"audio"} if task.speaks else set()
    return [one for one in conversations if needed <= set(one.dtype.names or ())] or list(conversations)
