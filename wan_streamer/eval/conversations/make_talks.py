"""Makes the talks that are not there yet, in several processes."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.bar import progress_bar
from wan_streamer.eval.conversations.asked import asked
from wan_streamer.eval.conversations.held_out import HeldOut
from wan_streamer.eval.conversations.names import MODEL
from wan_streamer.eval.conversations.open_talker import TalkerConfig, open_talker
from wan_streamer.eval.conversations.talk_folder import Talk, TalkFolder, TalkMedia, TalkWriter, remove_parts
from wan_streamer.eval.conversations.talkers.talker import Talker
from wan_streamer.eval.conversations.talkers.unit_samples import units_at
from wan_streamer.train.data.conversation import USER_RATE_HZ, Conversation
from wan_streamer.train.data.sources.workers import workers

TALKS: Final = "talks"
LONG: Final = "long"
INT16_MAX: Final = np.iinfo(np.int16).max


@dataclass(frozen=True, kw_only=True)
class Job:
    """A talk that is wanted.

    Attributes:
        parts: the conversations, one after the other; of a usual talk there is one.
        film: whether its pictures are wanted.
    """

    system: str
    parts: tuple[HeldOut, ...]
    folder: Path
    film: bool


def usual_jobs(out: Path, systems: Sequence[str], held_out: Sequence[HeldOut], films: int) -> Iterator[Job]:
    """A talk of each system in each conversation; the model's all have films, of the others the first ones."""
    for index, one in enumerate(held_out):
        for system in systems:
            folder = out / TALKS / system / one.name
            yield Job(system=system, parts=(one,), folder=folder, film=index < films or system == MODEL)


def long_job(out: Path, system: str, held_out: Sequence[HeldOut], unit_count: int) -> Job:
    """One long talk over conversations until there are so many units."""
    parts, units = [], 0
    for one in held_out:
        if units >= unit_count:
            break
        parts.append(one)
        units += one.conversation().unit_count
    return Job(system=system, parts=tuple(parts), folder=out / TALKS / system / LONG, film=True)


def most_common_answer(held_out: Sequence[HeldOut]) -> str:
    """The most frequent answer to the most frequent intent of turns that do not interrupt; of several the first.

    Raises:
        InvalidInput: nobody asks anything.
    """
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for one in held_out:
        for turn in asked(one.conversation().timeline):
            if turn.event.interrupts is None:
                answers[turn.event.intent][turn.answer.event.text] += 1
    if not answers:
        raise InvalidInput("got conversations without a question, expected some", reason="DATA_SET")
    intent = min(answers, key=lambda name: (-answers[name].total(), name))
    return min(answers[intent], key=lambda text: (-answers[intent][text], text))


def make_talks(jobs: Sequence[Job], config: TalkerConfig, out: Path, processes: int, console: Console) -> None:
    """Makes what is missing; every talk is written when it ends, so an interrupted run goes on.

    Raises:
        InvalidInput: TALK_DIFFERS, a talk is there that was made from something else; weights, faces, voices or OpenGL
            are missing.
        OSError: a talk cannot be written.
    """
    remove_parts(out / TALKS)
    with progress_bar(console, "talks", len(jobs)) as advance, workers(processes, _open_worker, (config,)) as pool:
        for _ in pool.imap_unordered(_make, jobs):
            advance()


def make_talk(job: Job, talker: Talker) -> None:
    """Makes a talk unless it is there with all that is wanted.

    Raises:
        InvalidInput: TALK_DIFFERS, it is there and was made from something else.
        OSError: it cannot be written.
    """
    made_from = {**talker.made_from, "data": " ".join(f"{one.data_sha256[:16]}:{one.index}" for one in job.parts)}
    found = TalkFolder(job.folder).find()
    if found is not None:
        _check(found, made_from, job.folder)
    if found is None or (job.film and not found.has_film):
        _write(job, talker, [one.conversation() for one in job.parts], made_from)


def _check(found: Talk, made_from: dict[str, str], folder: Path) -> None:
    differing = sorted(
        name for name in found.made_from.keys() | made_from.keys() if found.made_from.get(name) != made_from.get(name)
    )
    if differing:
        raise InvalidInput(
            f"got a talk in {folder} that was made from another {', '.join(differing)}, expected the same; name "
            "another --out, or delete the talks of that system",
            reason="TALK_DIFFERS",
        )


def _write(job: Job, talker: Talker, parts: Sequence[Conversation], made_from: dict[str, str]) -> None:
    outputs = talker.talk(parts, film=job.film)
    first = next(outputs)
    height, width = first.video.shape[1:3] if job.film else (0, 0)
    visitors = np.concatenate([_visitors(conversation, talker.rate_hz) for conversation in parts])
    began = time.monotonic()
    with TalkWriter(job.folder, TalkMedia(rate_hz=talker.rate_hz, height=height, width=width)) as writer:
        writer.write(first, visitors[0])
        for output, sound in zip(outputs, visitors[1:], strict=True):
            writer.write(output, sound)
        writer.finish(job.system, made_from, (time.monotonic() - began) * 1000 / len(visitors))


def _visitors(conversation: Conversation, rate_hz: int) -> NDArray[np.int16]:
    units = units_at(conversation.user_audio, USER_RATE_HZ, rate_hz)
    scaled: NDArray[np.float32] = np.rint(units.clip(-1, 1) * INT16_MAX)
    return scaled.astype(np.int16)


_config: TalkerConfig | None = None
_talkers: dict[str, Talker] = {}


def _open_worker(config: TalkerConfig) -> None:
    """Each process opens its own talkers when they are first needed."""
    global _config  # a pool's processes have no other place for what they keep
    import torch

    torch.set_num_threads(1)
    _config = config


def _make(job: Job) -> None:
    assert _config is not None
    if job.system not in _talkers:
        _talkers[job.system] = open_talker(job.system, _config)
    make_talk(job, _talkers[job.system])
