"""Draws windows of encoded conversations. What a step holds is a function of (seed, step, item) alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.clips import item_random
from wan_streamer.train.encoded import LEAD_US
from wan_streamer.train.mishearing import Mishearing
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.sequence import Batch
from wan_streamer.train.spelling import FORETOLD_UNITS, HearAgain, answer_bags, misspell
from wan_streamer.train.words import NOTHING, stretches
from wan_streamer.unit import UNIT_US

# In so many conversations nearly all answers are given.
ANSWERED = 2000
# Keeps what a whole step shares apart from what belongs to its items.
STEP_ITEM = 2**31
# No step: held-out windows and their noise are the same in runs of any length.
VALIDATION_STEP = 2**31
# Units before the agent's first sound: its first words are written there.
BEFORE_TURN_UNITS = LEAD_US // UNIT_US + 1
# And after its last: a turn ends in silence.
AFTER_TURN_UNITS = 2
# Windows that end before the agent's voice begins end so much earlier at most.
EARLIER_UNITS = 10
# An interrupted agent has spoken for so long before the question's first word has ended, and its words end before that.
SPOKEN_UNITS = 4
# Units after a word in which it is spelled at the earliest: to be silent before that cannot be learned from letters.
HEARD_UNITS = 2
# Windows in which questions are not always heard as they were.
MISHEARD: Final = ("question", "interruption")

Records = NDArray[Any]


class Windows:
    """Windows of the conversations that a task can use.

    Args:
        lenders: for a task that borrows, of which conversations: the same where nothing is said.
        mishearing: how questions are heard anew in training; without it only some letters change.

    Raises:
        InvalidInput: DATA_SHORT, no conversation is long enough; DATA_PICTURES, DATA_SOUND, the task needs
            pictures or the agent's sound and the records have none.
    """

    def __init__(
        self,
        conversations: Sequence[Records],
        task: TaskConfig,
        lenders: Sequence[Records] | None = None,
        mishearing: Mishearing | None = None,
    ) -> None:
        self.task, self._mishearing = task, mishearing
        self._conversations = [one for one in conversations if len(one) >= task.units]
        self._lent = list(_lent(lenders or conversations, task)) if task.borrows else []
        longest = max((end - asked for _, asked, end in self._lent), default=0)
        spans = [
            (number, *span) for number, one in enumerate(self._conversations) for span in _spans(one, task, longest)
        ]
        if task.borrows and not self._lent:
            raise InvalidInput(
                f"got no {task.units} units with pictures in which the agent is {_LENDS[task.where]} for the task "
                f"{task.name!r}, expected some; encode without --sound-only",
                reason="DATA_PICTURES",
            )
        if not spans:
            raise InvalidInput(
                f"got no conversation of {task.units} units or more for the task {task.name!r}, expected some longer",
                reason="DATA_SHORT",
            )
        names = (self._lent[0][0] if task.borrows else self._conversations[0]).dtype.names or ()
        if task.speaks and "audio" not in names:
            raise InvalidInput(
                f"got records without the agent's sound for the task {task.name!r}, expected some; make them with "
                "wan-streamer data render and data encode, and give them to --data besides",
                reason="DATA_SOUND",
            )
        if (task.sees or task.shows) and "video" not in names:
            raise InvalidInput(
                f"got records without pictures for the task {task.name!r}, expected some; encode without --sound-only",
                reason="DATA_PICTURES",
            )
        self._spans = np.asarray(spans, np.int64)
        weights = (self._spans[:, 2] - self._spans[:, 1]) / np.sqrt(self._how_often())
        self._chances = weights / weights.sum()
        self._answers: Tensor | None = None

    def draw(self, random: np.random.Generator) -> Records:
        """The records of one window."""
        return self._draw(random)[0]

    def _draw(self, random: np.random.Generator) -> tuple[Records, Records]:
        """The records of a window, and the agent's words in it and in FORETOLD_UNITS after it, if there are so many."""
        number, begin, end = self._spans[int(random.choice(len(self._chances), p=self._chances))]
        conversation = self._conversations[number]
        first = int(random.integers(begin, max(begin, end - self.task.units) + 1))
        first = min(first, len(conversation) - self.task.units)
        last = first + self.task.units
        return np.asarray(conversation[first:last]), np.asarray(conversation["words"][first : last + FORETOLD_UNITS])

    def _borrow(self, random: np.random.Generator, asked: int) -> Records:
        """The records of a window of a conversation with all streams.

        Silent all through, or interrupted where unit `asked` of the window is and silent from there on.
        """
        units = self.task.units
        if self.task.where != "interruption":
            conversation, begin, end = self._lent[int(random.integers(len(self._lent)))]
            first = int(random.integers(begin, end - units + 1))
        else:
            lent = [one for one in self._lent if one[2] - one[1] >= units - asked]
            conversation, begin, _ = lent[int(random.integers(len(lent)))]
            first = begin - asked
        return np.asarray(conversation[first : first + units])

    def _again(self, said: Records) -> HearAgain | None:
        return None if self._mishearing is None else partial(self._mishearing.again, said)

    def _known_answers(self, model: ModelConfig) -> Tensor:
        """The words of each answer in the first ANSWERED conversations, [A, V]."""
        if self._answers is None:
            words = (torch.from_numpy(one["words"].astype(np.int64)) for one in self._conversations[:ANSWERED])
            self._answers = answer_bags(words, vocabulary_named(model.vocabulary), model.backbone.vocabulary_size)
        return self._answers

    def _how_often(self) -> NDArray[np.float64]:
        """How many of the agent's turns have the same words as each, [spans]; 1 for other windows."""
        if self.task.where != "turn":
            return np.ones(len(self._spans))
        words = [self._conversations[number]["words"][begin:end].tobytes() for number, begin, end in self._spans]
        counts = Counter(words)
        return np.array([counts[one] for one in words], np.float64)

    def batch(self, recipe: ModelRecipe, step: int, items: Sequence[int]) -> Batch:
        """The windows of a step with their noise, on the CPU."""
        task = self.task
        shared = item_random(recipe.seed, step, STEP_ITEM)
        noisy = np.sort(shared.permutation(task.units)[: task.noisy_units])
        randoms = [item_random(recipe.seed, step, item) for item in items]
        drawn, coming = zip(*(self._draw(random) for random in randoms), strict=True)
        windows = _stacked(drawn)
        if task.borrows:
            asked = _asked(windows).tolist()
            borrowed = _stacked([self._borrow(random, unit) for random, unit in zip(randoms, asked, strict=True)])
            windows |= {name: borrowed[name] for name in ("seen", "audio", "video")}
            # An agent that is silent writes and says nothing.
            wrote = borrowed["words"][..., 1:2] != NOTHING
            windows["words"] = np.where(wrote, borrowed["words"], windows["words"])
            windows["speaks"] = windows["speaks"] | borrowed["speaks"]
        drop_user = {"dialogue": 1.0, "said": 0.0}.get(task.text, recipe.drop_user)
        drop_text = 0.0 if task.reads else recipe.drop_text
        there, written = ([random.random() >= share for random in randoms] for share in (drop_user, drop_text))
        words = torch.from_numpy(_words(windows, task).astype(np.int64))
        # What is said to nobody, and what goes on from before the window, would be learned as spoken out of nothing.
        learns_words = None
        if task.text in ("words", "given"):
            begun = _interrupted(windows) if task.where == "interruption" else _begun(windows)
            learns_words = begun & torch.tensor(there)[:, None] & (task.text == "words")
        latents = {
            name: _tensor(windows[name])
            for name, is_there in (("audio", task.speaks), ("video", task.shows))
            if is_there
        }
        heard = _tensor(windows["heard"])
        # Around questions: what is answered to them is sooner learned by heart than anything else.
        if task.where in MISHEARD and step != VALIDATION_STEP:
            pairs = zip(heard, windows["said"], randoms, strict=True)
            heard = torch.stack([misspell(one, random, self._again(said)) for one, said, random in pairs])
        return Batch(
            heard=_blank(heard, there) if task.hears else None,
            seen=_blank(_tensor(windows["seen"]), there) if task.sees else None,
            words=words.where(torch.tensor(written)[:, None, None], NOTHING),
            learns_words=learns_words,
            learns_media=_worded(windows),
            **latents,
            noisy_units=torch.from_numpy(noisy),
            tau=torch.sigmoid(_normal(randoms, (len(noisy),))),
            **{f"{name}_noise": _normal(randoms, (len(noisy), *values.shape[2:])) for name, values in latents.items()},
            context_noise=tuple(  # type: ignore[arg-type]
                recipe.context_noise * _normal(randoms, latents[name].shape[1:]) if name in latents else None
                for name in ("audio", "video")
            ),
            answers=_padded(coming, task.units + FORETOLD_UNITS) if task.reads else None,
            known_answers=self._known_answers(recipe.model) if task.reads else None,
            forgets=task.forgets,
        )


# What the agent is in the windows that are lent.
_LENDS = {"question": "silent", "anywhere": "silent", "interruption": "interrupted"}


def _lent(conversations: Sequence[Records], task: TaskConfig) -> Iterator[tuple[Records, int, int]]:
    """What conversations with all streams lend, by conversation, first unit and end: silences or interruptions."""
    for one in conversations:
        if {"audio", "video"} <= set(one.dtype.names or ()):
            lent = _interruptions if task.where == "interruption" else _silences
            yield from ((one, *span) for span in lent(one, task.units))


def _spans(records: Records, task: TaskConfig, longest: int) -> list[tuple[int, int]]:
    """Where windows lie: all of a conversation, or each turn of one side with something around it.

    Args:
        longest: units that an agent which is interrupted is silent at most.
    """
    if task.where == "interruption":
        return list(_before_answers(records, task.units, longest))
    if task.borrows:
        around = _before_answers if task.where == "question" else _unasked
        return list(around(records, task.units))
    if task.where == "anywhere":
        return [(0, len(records))]
    if task.where == "turn":
        before, after = BEFORE_TURN_UNITS, AFTER_TURN_UNITS
        edges = np.flatnonzero(np.diff(records["speaks"], prepend=False, append=False)).reshape(-1, 2)
    else:
        # Long enough before to be met in silence, long enough after for the first words of an answer.
        before, after = task.units // 4, task.units * 3 // 8
        edges = stretches(records["said" if task.where == "question" else "noticed"])
    return [(max(0, begin - before), min(len(records), end + after)) for begin, end in edges]


def _before_answers(records: Records, units: int, longest: int | None = None) -> Iterator[tuple[int, int]]:
    """For each question the units before the agent's voice answers, if it was silent all the time.

    Args:
        longest: of questions that are to interrupt: they begin so many units before the end at most, later than the
            agent's first words, and nothing is asked before them.
    """
    for begin, _ in stretches(records["said"]):
        last = begin + int(np.argmax(records["speaks"][begin:]))
        silent_since = int(np.flatnonzero(np.r_[True, records["speaks"][:last]])[-1])
        if last - silent_since >= units and records["speaks"][last]:
            # Some end earlier: how long a window is must not say when to speak.
            earliest = max(silent_since, last - units - EARLIER_UNITS)
            if longest is not None:
                is_first = bool((records["said"][earliest:begin, 1] == NOTHING).all())
                if not is_first or last - begin > min(longest, units - SPOKEN_UNITS):
                    continue
            yield last - units, last
            yield earliest, last


def _silences(records: Records, units: int) -> Iterator[tuple[int, int]]:
    """Where the agent neither speaks nor writes for so long, and no visitor does what it would answer."""
    silent = ~records["speaks"] & (records["words"][:, 1] == NOTHING) & (records["noticed"][:, 1] == NOTHING)
    for begin, end in np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2):
        if end - begin >= units:
            yield int(begin), int(end)


def _interruptions(records: Records, units: int) -> Iterator[tuple[int, int]]:
    """Of each question that interrupts the agent where its first word has ended, and where the agent writes again."""
    for begin, _ in stretches(records["said"]):
        if begin >= units and records["speaks"][begin - SPOKEN_UNITS : begin].all():
            silent = begin + int(np.argmin(np.r_[records["speaks"][begin:], False]))
            again = np.flatnonzero(records["speaks"][silent:] | (records["words"][silent:, 1] != NOTHING))
            yield begin, silent + int(again[0]) if len(again) else len(records)


def _unasked(records: Records, units: int) -> Iterator[tuple[int, int]]:
    """Silences in which no question waits for its answer.

    Of those that do wait, windows that are silent to their end would be too many: an answer would be learned as rarer
    than it is.
    """
    waits = np.zeros(len(records), bool)
    answers = records["speaks"] | (records["words"][:, 1] != NOTHING)
    for begin, _ in stretches(records["said"]):
        answered = np.flatnonzero(answers[begin:])
        waits[begin : begin + int(answered[0]) if len(answered) else None] = True
    for begin, end in _silences(records, 1):
        edges = np.flatnonzero(np.diff(~waits[begin:end], prepend=False, append=False)).reshape(-1, 2)
        yield from ((begin + int(a), begin + int(b)) for a, b in edges if b - a >= units)


def _stacked(drawn: Sequence[Records]) -> dict[str, Records]:
    """The fields of windows, each [windows, units, ...]; what only some sets have is left out."""
    common = set.intersection(*(set(one.dtype.names or ()) for one in drawn))
    return {name: np.stack([one[name] for one in drawn]) for name in common}


def _padded(words: Sequence[Records], units: int) -> Tensor:
    """The agent's words of so many units each, [windows, units, N]; after a conversation's end there are none."""
    padded = np.full((len(words), units, words[0].shape[1]), NOTHING, np.int64)
    for row, one in zip(padded, words, strict=True):
        row[: len(one)] = one
    return torch.from_numpy(padded)


def _words(windows: dict[str, Records], task: TaskConfig) -> NDArray[np.int32]:
    if task.text != "dialogue":
        return np.asarray(windows["words" if task.text == "given" else task.text])
    agent, visitors = windows["words"], windows["said"]
    # Where the agent writes nothing, its unit is LISTEN alone, and so is the visitors'.
    writes = agent[..., 1:2] != NOTHING
    return np.where(writes, agent, visitors)


def _begun(windows: dict[str, Records]) -> Tensor:
    """Units [windows, units] that are not of a turn which began before the window."""
    silent = ~windows["speaks"] & (windows["words"][..., 1] == NOTHING)
    return torch.from_numpy(np.logical_or.accumulate(silent, axis=1))


def _asked(windows: dict[str, Records]) -> NDArray[np.int64]:
    """The unit in which the first word that is said ends, [windows]; 0 where nothing is said."""
    return np.argmax(windows["said"][..., 1] != NOTHING, axis=1)


def _interrupted(windows: dict[str, Records]) -> Tensor:
    """Units [windows, units] from which on an agent can know that it was interrupted; what was lent lies before."""
    first = torch.from_numpy(_asked(windows))[:, None] + HEARD_UNITS
    return torch.arange(windows["said"].shape[1]) >= first


def _worded(windows: dict[str, Records]) -> Tensor:
    """Units [windows, units] but those in which the agent speaks what it may have written before the window.

    Words are written before they are said. Sound without them would be learned as how a conversation begins.
    """
    speaks = torch.from_numpy(windows["speaks"])
    return ~speaks | (torch.arange(speaks.shape[1]) > LEAD_US // UNIT_US)


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _blank(values: Tensor, there: Sequence[bool]) -> Tensor:
    return values * torch.tensor(there).view(-1, *(1,) * (values.ndim - 1))


def _normal(randoms: Sequence[np.random.Generator], shape: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.stack([random.standard_normal(tuple(shape), np.float32) for random in randoms]))
