"""`wan-streamer init`: weights that training takes, with the checkpoint's own tokenizer and two tokens more."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.support.encoded import small_model, tiny_model, write_encoded
from tests.support.qwen3 import ROWS, tensors_of_qwen3, write_by_hand, write_tokenizer
from wan_streamer.client import cli
from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import load_trained, pack_model
from wan_streamer.model.presets import PRESETS, preset, untrained
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.model.vocabulary import TextStream, vocabulary_named, vocabulary_path

pytest.importorskip("tokenizers")

from wan_streamer.train.encoded_set import read_index, write_index
from wan_streamer.train.init_command import InitOptions, init
from wan_streamer.train.qwen3_vocabulary import with_own_tokens
from wan_streamer.train.run import RunOptions, train
from wan_streamer.train.vocabulary import TextTokens


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Weights from a checkpoint, with the rest of a small model."""
    rest = tmp_path / "rest.safetensors"
    rest.write_bytes(pack_model(untrained(small_model(), 0), {}, torch.float32))
    folder = write_tokenizer(write_by_hand(tmp_path / "checkpoint"))
    out = tmp_path / "start" / "qwen3.safetensors"
    init(InitOptions(qwen3=folder, out=out, preset=str(rest)), Console(quiet=True))
    return out


def test_weights_and_vocabulary_are_written(start: Path) -> None:
    """The file says its configuration: the checkpoint's backbone, the preset's rest, and the vocabulary beside it."""
    config = preset(str(start))
    assert sorted(path.name for path in start.parent.iterdir()) == ["qwen3-vocabulary.json", "qwen3.safetensors"]
    assert dataclasses.replace(config, backbone=small_model().backbone, vocabulary="bytes") == small_model()
    assert config.backbone.vocabulary_size == ROWS
    model = untrained(config, 5)
    assert load_trained(start, model)["checkpoint"] == "checkpoint"
    assert torch.equal(model.text_head.weight, tensors_of_qwen3()["model.embed_tokens.weight"])
    assert start.stat().st_mode == (start.parent / "qwen3-vocabulary.json").stat().st_mode


def test_our_tokens_take_rows_that_nobody_uses(start: Path) -> None:
    """Texts are cut as the checkpoint's tokenizer cuts them; LISTEN and END come after its last token."""
    from tokenizers import Tokenizer

    config = preset(str(start))
    before = Tokenizer.from_file(str(start.parents[1] / "checkpoint" / "tokenizer.json"))
    words, tokens = vocabulary_named(config.vocabulary), TextTokens(vocabulary_path(config.vocabulary))
    assert (words.listen, words.end) == (before.get_vocab_size(), before.get_vocab_size() + 1)
    text = "the café at a quay"
    pieces = tokens.of_words(text)
    assert pieces == [before.encode(" " + word).ids for word in text.split()]
    assert max(map(len, pieces)) > 1
    written = [token for word in pieces for token in word] + [words.listen, words.end, ROWS - 1]
    assert TextStream(words).feed(written) == " " + text


def test_a_moved_vocabulary_is_found_beside_the_weights(start: Path, tmp_path: Path) -> None:
    """Weights and vocabulary that are copied together to another place are still a pair."""
    elsewhere = tmp_path / "elsewhere"
    start.parent.rename(elsewhere)
    config = preset(str(elsewhere / start.name))
    assert Path(config.vocabulary) == (elsewhere / "qwen3-vocabulary.json").resolve()
    load_trained(elsewhere / start.name, untrained(config, 0))


def test_training_begins_with_them(start: Path, tmp_path: Path) -> None:
    """A recipe of `preset(FILE)` trains from the file, and its weights carry the configuration on."""
    recipe = dataclasses.replace(tiny_model(), model=preset(str(start)), steps=2)
    data = write_encoded(tmp_path / "data")
    senses = senses_fingerprint(untrained(recipe.model, recipe.seed), pictures=True)
    write_index(data, read_index(data) | {"model": senses})
    options = RunOptions(
        data=(data,), out=tmp_path / "run", cache=tmp_path / "cache", initial_weights=start, device="cpu"
    )
    assert train(recipe, options, Console(quiet=True))
    assert preset(str(tmp_path / "run" / "weights.safetensors")) == recipe.model


def test_another_vocabulary_or_rope_is_refused(start: Path) -> None:
    """Equal shapes are not enough: other text tokens, RoPE or norms would silently be another text model."""
    config = preset(str(start))
    for wrong, words in (
        (dataclasses.replace(config, vocabulary="bytes"), "vocabulary qwen3-vocabulary.json and not bytes"),
        (
            dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, rope_theta=1e6)),
            "rope_theta 5000.0",
        ),
        (dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, norm_epsilon=1e-6)), "norm_epsilon"),
    ):
        model = untrained(wrong, 0)
        before = model.fingerprint()
        with pytest.raises(InvalidInput, match=words):
            load_trained(start, model)
        assert model.fingerprint() == before


def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """No file, no JSON, no byte-level BPE, or no rows left."""
    folder = write_tokenizer(write_by_hand(tmp_path / "checkpoint"))
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    last = max(token["id"] for token in content["added_tokens"])
    assert with_own_tokens(path, last + 3)
    with pytest.raises(
        InvalidInput, match=f"got .*tokenizer.json with {last + 1} tokens for an embedding of {last + 2}"
    ):
        with_own_tokens(path, last + 2)
    path.write_text(json.dumps(content | {"model": {"type": "WordLevel", "vocab": {"日本": 0}, "unk_token": "日本"}}))
    with pytest.raises(InvalidInput, match=r"tokenizer\.json .*expected byte-level BPE"):
        with_own_tokens(path, ROWS)
    path.write_text("{")
    with pytest.raises(InvalidInput, match=r"tokenizer\.json .*expected the checkpoint's tokenizer"):
        with_own_tokens(path, ROWS)
    with pytest.raises(InvalidInput, match=r"none\.json .*expected the checkpoint's tokenizer"):
        with_own_tokens(tmp_path / "none.json", ROWS)


def test_nothing_is_written_for_a_wrong_command(tmp_path: Path) -> None:
    """Another suffix, a place in the checkpoint, an unknown preset or a wrong checkpoint: an error and no file."""
    folder = write_tokenizer(write_by_hand(tmp_path / "checkpoint"))
    wrong = write_tokenizer(write_by_hand(tmp_path / "wrong", model_type="qwen2"))
    before = sorted(tmp_path.rglob("*"))
    for options, words in (
        (InitOptions(qwen3=folder, out=tmp_path / "start.bin"), r"expected a file \*\.safetensors"),
        (InitOptions(qwen3=folder, out=folder / "model.safetensors"), "outside the checkpoint's folder"),
        (InitOptions(qwen3=folder, out=tmp_path / "start.safetensors", preset="huge"), "expected one of nano"),
        (InitOptions(qwen3=wrong, out=tmp_path / "start.safetensors"), "qwen2"),
        (InitOptions(qwen3=tmp_path / "none", out=tmp_path / "start.safetensors"), r"config\.json"),
    ):
        with pytest.raises(InvalidInput, match=words):
            init(options, Console(quiet=True))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    """Started as a program it ends with one line for each file; an error is one line and exit code 2."""
    folder = write_tokenizer(write_by_hand(tmp_path / "checkpoint"))
    command = [sys.executable, "-m", "wan_streamer.train.init_command", "--qwen3"]
    ended = subprocess.run(
        [*command, str(folder), "--preset", "nano", "-o", str(tmp_path / "start.safetensors")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    weights, vocabulary = ended.stdout.splitlines()
    assert weights.startswith(f"wrote {tmp_path}/start.safetensors (")
    assert "float32" in weights
    assert vocabulary == f"wrote {tmp_path}/start-vocabulary.json: 264 tokens in 300 rows, LISTEN is 262, END 263"
    failed = subprocess.run(
        [*command, str(tmp_path), "-o", "x.safetensors"], capture_output=True, text=True, timeout=60
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("wan-streamer: got ")
    assert failed.stderr.count("\n") == 1


def test_help_explains_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The subcommand's help says what is taken, what is new and where it is explained."""
    with pytest.raises(SystemExit):
        cli.main(["init", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for words in ("--qwen3 DIR", "-o FILE", "tokenizer.json", "docs/training.md", *PRESETS):
        assert words in printed
