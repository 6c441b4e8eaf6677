"""The student's conversations, rolled on together; and the newest units of each, to be judged.

Shape letters: B sessions, W units of the window, K newest units, N tokens of a kind, C channels.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.clips import item_random
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.distill.matching import Pair
from wan_streamer.train.distill.rollout import Passes, Record, Rollout
from wan_streamer.train.sequence import Batch
from wan_streamer.train.windows import Records

# Keep apart from the noise that sessions are made of: the exit step, the noise of copies, the conversations.
EXIT_ITEM, COPIES, BEGINNINGS = 2**31 + 1, 2**20, 2**21


class Sessions:
    """The sessions of this process.

    Args:
        conversations: with all streams; a session has one after the other.
        items: numbers of the sessions among those of all processes.

    Raises:
        InvalidInput: DATA_PICTURES, there is none with sound and pictures.
    """

    def __init__(self, conversations: Sequence[Records], recipe: DistillRecipe, items: Sequence[int]) -> None:
        self._conversations = [one for one in conversations if has_all_streams(one)]
        if not self._conversations:
            raise InvalidInput(
                f"got no conversations with sound and pictures for {recipe.name}, expected some; encode without "
                "--sound-only",
                reason="DATA_PICTURES",
            )
        self._recipe, self._items = recipe, items
        self._rollouts: list[Rollout] = []
        self._records: list[Iterator[Record]] = []
        self._seen: list[list[Record]] = []
        self._made: list[list[Pair]] = []

    def roll_on(self, model: WanStreamer, step: int) -> tuple[Batch, Pair]:
        """Adds the units of a step.

        Returns:
            The windows, with noisy copies of what was added; and that itself, audio and video [B, K, N, C], with a
            gradient in grad mode.
        """
        if not self._rollouts or self._rollouts[0].unit_count + self._recipe.roll_units > self._recipe.session_units:
            self._begin(model, step)
        exit_step = int(item_random(self._recipe.seed, step, EXIT_ITEM).integers(model.config.solver_steps))
        passes = Passes(model)
        newest = [
            self._roll_one(place, passes, item_random(self._recipe.seed, step, item), exit_step)
            for place, item in enumerate(self._items)
        ]
        made = _stacked(newest)
        return self._windows(made, step), made

    def recorded(self) -> Pair:
        """What the conversations themselves have in the windows, audio and video [B, W, N, C]."""
        return _stacked([[_latents(record) for record in seen] for seen in self._seen])

    def _begin(self, model: WanStreamer, step: int) -> None:
        self._rollouts = [Rollout(model) for _ in self._items]
        self._records = [
            _endless(self._conversations, item_random(self._recipe.seed, step, BEGINNINGS + item))
            for item in self._items
        ]
        self._seen, self._made = [[] for _ in self._items], [[] for _ in self._items]

    def _roll_one(self, place: int, passes: Passes, random: np.random.Generator, exit_step: int) -> list[Pair]:
        seen, history, newest = self._seen[place], self._made[place], []
        for _ in range(self._recipe.roll_units):
            record = next(self._records[place])
            noise = _noise(record, random, passes.model)
            made = self._rollouts[place].next_unit(passes, record, noise, exit_step)
            seen.append(record)
            history.append((made[0].detach(), made[1].detach()))
            newest.append(made)
        del seen[: -self._recipe.window_units], history[: -self._recipe.window_units]
        return newest

    def _windows(self, made: Pair, step: int) -> Batch:
        audio, video = _stacked(self._made)
        device, units, newest = audio.device, audio.shape[1], made[0].shape[1]
        randoms = [item_random(self._recipe.seed, step, COPIES + item) for item in self._items]
        least, most = self._recipe.tau
        tau = torch.from_numpy(np.stack([random.uniform(least, most, newest) for random in randoms]))
        noises = [
            torch.from_numpy(np.stack([random.standard_normal(part.shape[1:], np.float32) for random in randoms]))
            for part in made
        ]
        fields = {
            name: torch.from_numpy(np.stack([[record[name] for record in seen] for seen in self._seen]))
            for name in ("seen", "heard", "words")
        }
        return Batch(
            seen=fields["seen"].to(device, audio.dtype),
            heard=fields["heard"].to(device, audio.dtype),
            words=fields["words"].to(device, torch.int64),
            audio=audio,
            video=video,
            noisy_units=torch.arange(units - newest, units, device=device),
            tau=tau.to(device, audio.dtype),
            audio_noise=noises[0].to(device),
            video_noise=noises[1].to(device),
        )


def has_all_streams(records: Records) -> bool:
    """Whether a conversation has sound and pictures of both sides."""
    return {"audio", "video"} <= set(records.dtype.names or ())


def _endless(conversations: Sequence[Records], random: np.random.Generator) -> Iterator[Record]:
    """Unit after unit of one conversation after the other."""
    while True:
        for number in random.permutation(len(conversations)):
            yield from conversations[number]


def _latents(record: Record) -> Pair:
    return torch.from_numpy(record["audio"].astype(np.float32)), torch.from_numpy(record["video"].astype(np.float32))


def _noise(record: Record, random: np.random.Generator, model: WanStreamer) -> Pair:
    device = model.layer_modulation.device
    shapes = record["audio"].shape, record["video"].shape
    audio, video = (torch.from_numpy(random.standard_normal(shape, np.float32)).to(device) for shape in shapes)
    return audio, video


def _stacked(sessions: Sequence[Sequence[Pair]]) -> Pair:
    """Units of sessions as one tensor each, [B, units, N, C]."""
    audio, video = (torch.stack([torch.stack([unit[side] for unit in one]) for one in sessions]) for side in (0, 1))
    return audio, video
