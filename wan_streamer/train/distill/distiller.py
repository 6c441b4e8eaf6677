"""One step of stage 3, on one process or several: of the critic, or of the student."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.errors import InvalidInput
from wan_streamer.model.flow import interpolate
from wan_streamer.model.model_weights import fill_trained, load_own_codecs, load_trained, pack_model, trained_tensors
from wan_streamer.model.senses import HASH, WITH_PICTURES, check_senses, senses_metadata
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.distill.matching import Pair, clean_of, guided, matching_loss
from wan_streamer.train.distill.sessions import Sessions, has_all_streams
from wan_streamer.train.distributed import Group
from wan_streamer.train.ema import Ema
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.model_losses import Learner
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.model_trainer import ModelTask, trainable
from wan_streamer.train.optimizer import make_optimizer, set_rates
from wan_streamer.train.schedule import rate_factor
from wan_streamer.train.sequence import Batch, TrainingForward, velocity_targets
from wan_streamer.train.trainer import Arithmetic
from wan_streamer.train.words import NOTHING

MODALITIES = ("audio", "video")


class Distiller:
    """Everything that changes from step to step. A run that goes on begins its sessions anew.

    Args:
        teacher: weights of stage 2, which student and critic begin with.

    Raises:
        InvalidInput: the teacher's weights do not fit, or the sets have no pictures or were encoded with other codecs.
    """

    def __init__(
        self, recipe: DistillRecipe, sets: Sequence[EncodedSet], teacher: Path, arithmetic: Arithmetic, group: Group
    ) -> None:
        self.recipe, self.arithmetic, self.group = recipe, arithmetic, group
        self.step_count = 0
        # The newest of both.
        self._measures: dict[str, Tensor] = {}
        self.student, self.critic, self.teacher = (self._begin(teacher, sets) for _ in range(3))
        self.teacher.eval().requires_grad_(False)
        self._teacher_sha256 = hashlib.sha256(teacher.read_bytes()).hexdigest()
        self.ema = Ema(self.student, recipe.ema_decay)
        if arithmetic.compile:
            for block in (*self.teacher.transformer.blocks, *self.critic.transformer.blocks):
                block.compile()
        self._scores = {"teacher": TrainingForward(self.teacher), "critic": TrainingForward(self.critic)}
        self._optimizers = {
            "student": make_optimizer(_trained(self.student), recipe.optimizer),
            "critic": make_optimizer(_trained(self.critic), recipe.critic_optimizer),
        }
        numbered = [(number % recipe.heldout_every, one) for s in sets for number, one in enumerate(s.conversations)]
        held_out = [one for place, one in numbered if place == 0]
        training = [one for place, one in numbered if place] or held_out
        self._sessions = Sessions(training, recipe, group.share(recipe.sessions))
        self._held_out = [one for one in held_out if has_all_streams(one)] or training
        self._keeping = self._keeper(sets)

    def step(self) -> dict[str, Tensor]:
        """Rolls the sessions on and teaches the critic, or the student; returns losses and gradient norms."""
        is_student = self.step_count % (self.recipe.critic_steps + 1) == self.recipe.critic_steps
        self._measures |= self._step_student() if is_student else self._step_critic()
        self.step_count += 1
        return dict(self._measures)

    def _step_critic(self) -> dict[str, Tensor]:
        """Flow matching on what the student makes (DMD, eq. 6)."""
        with torch.no_grad():
            batch, _ = self._sessions.roll_on(self.student, self.step_count)
        losses = self._flow_losses("critic", batch)
        return self._learn("critic", {f"critic_{name}": loss for name, loss in losses.items()})

    def _step_student(self) -> dict[str, Tensor]:
        """Distribution matching, and the words of stage 2."""
        batch, made = self._sessions.roll_on(self.student, self.step_count)
        with torch.no_grad():
            teacher, critic = self._guided(batch), self._velocities("critic", batch)
        tau = batch.tau[:, :, None, None]
        losses = {}
        for name, clean, right, wrong in zip(MODALITIES, made, teacher, critic, strict=True):
            noise = getattr(batch, f"{name}_noise")
            noisy = interpolate(clean.detach(), noise, tau)
            # Each unit has a noise level, and so a normaliser, of its own.
            parts = [part.flatten(0, 1) for part in (clean, clean_of(noisy, right, tau), clean_of(noisy, wrong, tau))]
            losses[name] = getattr(self.recipe, f"{name}_weight") * matching_loss(*parts)
        measures = self._learn("student", losses | self._kept_losses())
        self.ema.update(self.student, self.step_count // (self.recipe.critic_steps + 1))
        return measures

    def _velocities(self, who: str, batch: Batch) -> Pair:
        with self._autocast():
            found = self._scores[who](batch)
        assert found.audio_velocity is not None
        assert found.video_velocity is not None
        return found.audio_velocity.float(), found.video_velocity.float()

    def _guided(self, batch: Batch) -> Pair:
        """The teacher's velocities."""
        audio, video = self._velocities("teacher", batch)
        if self.recipe.guidance == 1:
            return audio, video
        silent = Batch(**{**vars(batch), "words": torch.full_like(batch.words, NOTHING)})
        without = self._velocities("teacher", silent)
        return guided(audio, without[0], self.recipe.guidance), guided(video, without[1], self.recipe.guidance)

    def _flow_losses(self, who: str, batch: Batch) -> dict[str, Tensor]:
        losses = {}
        for name, found, right in zip(MODALITIES, self._velocities(who, batch), velocity_targets(batch), strict=True):
            assert right is not None
            losses[name] = F.mse_loss(found, right)
        return losses

    def _kept_losses(self) -> dict[str, Tensor]:
        if self._keeping is None:
            return {}
        task, learner = self._keeping
        windows = task.of_step(self.step_count)
        batch = windows.batch(task.recipe, self.step_count, self.group.share(windows.task.batch_size))
        with self._autocast():
            losses = learner(batch.to(self.arithmetic.device))
        return {"kept_words": self.recipe.keep_weight * losses["text"]}

    def _learn(self, who: str, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """One optimizer step of student or critic."""
        recipe, optimizer = self.recipe, self._optimizers[who]
        model, config = {
            "student": (self.student, recipe.optimizer),
            "critic": (self.critic, recipe.critic_optimizer),
        }[who]
        parameters = list(model.parameters())
        set_rates(optimizer, config, rate_factor(self.step_count, 0, recipe.steps, config))
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.group.average_gradients(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, config.gradient_norm)
        optimizer.step()
        return {name: loss.detach() for name, loss in losses.items()} | {f"norm_{who}": norm.detach()}

    def validate(self) -> dict[str, float]:
        """How unlikely the teacher finds what the averaged student makes of held-out conversations, and what they have
        themselves (losses of flow matching), and how much the latents of both vary (deviations)."""
        recipe = self.recipe
        sessions = Sessions(self._held_out, recipe, range(1))
        found: dict[str, list[float]] = {}
        with torch.no_grad():
            for step in range(-(-recipe.validation_units // recipe.roll_units)):
                batch, _ = sessions.roll_on(self.ema.module, step)
                audio, video = (part.to(self.arithmetic.device) for part in sessions.recorded())
                recorded = Batch(**{**vars(batch), "audio": audio, "video": video})
                for whose, one in (("made", batch), ("recorded", recorded)):
                    for name, loss in self._flow_losses("teacher", one).items():
                        found.setdefault(f"{whose}_{name}", []).append(float(loss))
                        latents = getattr(one, name)[:, one.noisy_units]
                        found.setdefault(f"{whose}_{name}_deviation", []).append(float(latents.std()))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "step_count": self.step_count,
            "teacher_sha256": self._teacher_sha256,
            "student": trained_tensors(self.student),
            "critic": trained_tensors(self.critic),
            "ema": trained_tensors(self.ema.module),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`, with new sessions.

        Raises:
            InvalidInput: WEIGHTS_KIND, it had another teacher.
        """
        if state["teacher_sha256"] != self._teacher_sha256:
            raise InvalidInput(
                "got other --initial-weights than the run began with, expected the same teacher; name another --out",
                reason="WEIGHTS_KIND",
            )
        self.step_count = state["step_count"]
        for name, model in (("student", self.student), ("critic", self.critic), ("ema", self.ema.module)):
            fill_trained(model, state[name])
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])

    def weights(self, metadata: dict[str, str]) -> bytes:
        """The averaged student as it ships."""
        senses = senses_metadata(self.student, pictures=True)
        return pack_model(self.ema.module, metadata | senses, torch.float16, with_codecs=self._has_own_codecs)

    def _begin(self, teacher: Path, sets: Sequence[EncodedSet]) -> WanStreamer:
        model = trainable(self.recipe.model, self.recipe.seed)
        self._has_own_codecs = load_own_codecs(teacher, model)
        model.to(self.arithmetic.device)
        for encoded in sets:
            made_with = {HASH: encoded.about["model"], WITH_PICTURES: str(encoded.about["pictures"]).lower()}
            check_senses(made_with, model, encoded.folder)
        load_trained(teacher, model)
        return model

    def _keeper(self, sets: Sequence[EncodedSet]) -> tuple[ModelTask, Learner] | None:
        recipe = self.recipe
        if not recipe.keeps:
            return None
        stage_2 = ModelRecipe(
            name=recipe.name,
            model=recipe.model,
            tasks=recipe.keeps,
            seed=recipe.seed,
            steps=recipe.steps,
            heldout_every=recipe.heldout_every,
        )
        return ModelTask(stage_2, sets), Learner(self.student, stage_2)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.arithmetic.device.type, torch.bfloat16, enabled=self.arithmetic.bfloat16)


def _trained(model: WanStreamer) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
