"""How well what visitors say is spelled and read: questions of encoded conversations (`wan-streamer data hear`).

.venv/bin/python benchmarks/reading.py stage-1-reading/weights.safetensors validation --answers heard

Prints the share of letters wrong, and of questions whose very answer the reader foretells among all that there are: of
all, and by how much of a question is wrong.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from wan_streamer.eval.word_errors import count_word_errors
from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES, LETTERS
from wan_streamer.model.shipped import trained_model
from wan_streamer.model.speller import collapsed
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.vocabulary import Vocabulary, vocabulary_named
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.spelling import FORETOLD_UNITS, SILENT_UNITS, spelled
from wan_streamer.train.words import stretches

# An answer begins so soon after its question, or belongs to another.
ANSWER_UNITS = 14
BEFORE_UNITS = 40
# Shares of a question's letters that are wrong, below which questions are counted together.
WRONG_BELOW = (0.1, 0.2, 0.3, 0.4, math.inf)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Weights, and the conversations to hear."""

    weights: Positional[Path]
    """Weights of any stage after stage-1-nano-reading."""
    data: Positional[tuple[Path, ...]]
    """Encoded conversations (`wan-streamer data hear`)."""
    answers: tuple[Path, ...] = ()
    """Encoded conversations whose answers it may be, besides those of the data."""
    shown: int = 8
    """Questions to print."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was heard until the answer began, what was said, and the answer's text tokens."""

    heard: NDArray[Any]
    said: str
    answer: tuple[int, ...]


def questions_of(records: NDArray[Any], vocabulary: Vocabulary) -> Iterator[Question]:
    """Those that are answered after a silence."""
    writes = records["words"][:, 0] != vocabulary.listen
    for begin, end in stretches(records["said"]):
        at = next((unit for unit in range(end - 1, min(end + ANSWER_UNITS, len(records))) if writes[unit]), None)
        if at is None or writes[max(0, at - SILENT_UNITS) : at].any():
            continue
        said = _text(records["said"][begin:end], vocabulary)
        answer = tuple(_words(records["words"][at : at + FORETOLD_UNITS], vocabulary))
        yield Question(heard=records["heard"][max(0, at + 1 - BEFORE_UNITS) : at + 1], said=said, answer=answer)


def _words(tokens: NDArray[Any], vocabulary: Vocabulary) -> list[int]:
    return [int(one) for one in tokens.flatten() if one >= 0 and one not in (vocabulary.listen, vocabulary.end)]


def _text(tokens: NDArray[Any], vocabulary: Vocabulary) -> str:
    return b"".join(vocabulary.pieces[one] for one in _words(tokens, vocabulary)).decode("utf-8", "replace").strip()


@torch.inference_mode()
def main(options: Options) -> None:
    """Prints them, for each folder."""
    model = trained_model(options.weights)
    vocabulary = vocabulary_named(model.config.vocabulary)
    sets = {folder: _all(folder, vocabulary) for folder in dict.fromkeys((*options.data, *options.answers))}
    answers = sorted({one.answer for questions in sets.values() for one in questions if one.answer})
    for folder in options.data:
        _report(folder, sets[folder], answers, model, options.shown)


def _begins_alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Of an answer as much is looked at as was said in FORETOLD_UNITS: now a word more, now one less."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _all(folder: Path, vocabulary: Vocabulary) -> list[Question]:
    return [
        one for records in EncodedSet(folder).conversations if len(records) for one in questions_of(records, vocabulary)
    ]


def _report(
    folder: Path, questions: Sequence[Question], answers: Sequence[tuple[int, ...]], model: Any, shown: int
) -> None:
    encoder, console = model.user_audio, Console(soft_wrap=True)
    assert isinstance(encoder, EarEncoder)
    bags = torch.zeros(len(answers), model.config.backbone.vocabulary_size)
    for row, answer in zip(bags, answers, strict=True):
        row.index_add_(0, torch.tensor(answer), torch.full((len(answer),), 1 / len(answer)))
    wrong = letters = right = near = 0
    # Of each kind of question: how many there are, and how many of them are read rightly.
    by_wrong = {below: [0, 0] for below in WRONG_BELOW}
    for number, question in enumerate(track(questions, description=str(folder))):
        heard = torch.from_numpy(question.heard.astype(np.float32))[None]
        classes = heard[0, ..., :HEARD_LETTERS].reshape(-1, LETTER_CLASSES).argmax(dim=-1)
        written, said = collapsed(classes).strip(), "".join(LETTERS[one] for one in spelled(question.said))
        errors = count_word_errors(
            list(said), list(written[-len(said) - 12 :] if len(written) > 2 * len(said) else written)
        )
        errors_here = errors.substituted + errors.deleted + errors.inserted
        wrong, letters = wrong + errors_here, letters + errors.word_count
        told = encoder.reader.tell_apart(encoder.reader(heard), bags)[0, -2:].mean(dim=0)
        best = told.topk(5).indices.tolist()
        same = [_begins_alike(answers[one], question.answer) for one in best]
        right += same[0]
        near += any(same)
        kind = by_wrong[next(below for below in WRONG_BELOW if errors_here < below * max(1, errors.word_count))]
        kind[0], kind[1] = kind[0] + 1, kind[1] + same[0]
        if number < shown:
            console.print(f"{said} | {written}", markup=False, highlight=False)
    count = len(questions)
    console.print(
        f"{folder}: {count} questions, letters wrong {wrong / letters:.1%}, answers foretold {right / count:.1%}, "
        f"among five {near / count:.1%} of {len(answers)}"
    )
    for below, (those, read) in by_wrong.items():
        if those:
            kind = f"below {below:.0%}" if below < math.inf else "more often"
            console.print(f"  letters wrong {kind}: {those} questions, foretold {read / those:.0%}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(tyro.cli(Options)))
