"""From unpacked packages to clips that can be heard."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from rich.console import Console

from tests.support import queen_game
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources import asterisk
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.chatterbot import FOLDER, read_conversations
from wan_streamer.train.data.sources.clip import decode, read_samples
from wan_streamer.train.data.sources.fetch import fetch_sources, manifest_path, show_manifests, show_sources
from wan_streamer.train.data.sources.readers import QUEEN_PATH, read_amazon_queen, read_asterisk_prompts
from wan_streamer.train.data.sources.recipes import all_recipes, amazon_queen, asterisk_prompts
from wan_streamer.train.data.sources.spoken_texts import read_text_file


def silently(indices: Sequence[int]) -> Iterator[int]:
    return iter(indices)


def game_cache(tmp_path: Path) -> DataCache:
    cache = DataCache(tmp_path)
    path = cache.unpacked_path(amazon_queen().packages[0]) / QUEEN_PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(queen_game.archive(queen_game.tiny_game()))
    return cache


def g722(seconds: float) -> bytes:
    """64 kbit/s."""
    codec = av.CodecContext.create("g722", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format = 16_000, "mono", "s16"  # type: ignore[assignment]
    tone = (8000 * np.sin(np.arange(round(seconds * 16_000)) * 0.2)).astype(np.int16)
    packets = b""
    for start in range(0, len(tone), 320):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 320], format="s16", layout="mono")
        frame.sample_rate = 16_000
        packets += b"".join(bytes(packet) for packet in codec.encode(frame))
    return packets


def prompts_cache(tmp_path: Path, sounds: Sequence[str], lines: str) -> DataCache:
    cache = DataCache(tmp_path)
    sound_package, text_package = asterisk_prompts().packages
    for name in sounds:
        path = cache.unpacked_path(sound_package) / asterisk.SOUND_PATH / f"{name}.g722"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(g722(0.5))
    texts = cache.unpacked_path(text_package) / asterisk.TEXT_PATH
    texts.parent.mkdir(parents=True)
    texts.write_bytes(gzip.compress(lines.encode()))
    return cache


def test_a_game_clip_is_the_sound_of_its_own_file(tmp_path: Path) -> None:
    """Reading a clip from its place in the data file gives what decoding that one sound gives."""
    cache = game_cache(tmp_path)
    read = read_amazon_queen(amazon_queen(), cache, silently)
    sounds = queen_game.tiny_game()
    for clip in read.clips:
        expected, rate_hz = decode(sounds[clip.name.partition("/")[2] + ".SB"], "mp3", clip.name)
        samples = read_samples(clip, cache.root)
        assert np.array_equal(samples, expected)
        assert rate_hz == clip.sample_rate_hz == queen_game.SAMPLE_RATE_HZ
        assert 0.2 < clip.seconds < 0.8
        assert clip.licence == amazon_queen().packages[0].licence


def test_equal_sounds_are_taken_once(tmp_path: Path) -> None:
    """A sound that two lines share cannot be in training and held out; what is left out is counted."""
    read = read_amazon_queen(amazon_queen(), game_cache(tmp_path), silently)
    assert len(read.clips) == 10
    assert read.left_out == {"same sound as another": 1, "sounds without text": 1}


def test_prompts_have_text_family_and_duration(tmp_path: Path) -> None:
    """Tones and texts without a sound are left out; a menu's prompts are one dialogue."""
    lines = "; comment\n\nvm-hello: Hello,  caller.\nvm-bye: Bye. (tone sounds)\nbeep: [a beep]\n"
    lines += "digits/1: One.\nlost: No sound.\n"
    cache = prompts_cache(tmp_path, ["vm-hello", "vm-bye", "beep", "digits/1"], lines)
    read = read_asterisk_prompts(asterisk_prompts(), cache, silently)
    assert [(clip.name, clip.text, clip.dialogue) for clip in read.clips] == [
        ("asterisk-prompts/digits/1", "One.", "asterisk-prompts/digits"),
        ("asterisk-prompts/vm-bye", "Bye.", "asterisk-prompts/vm"),
        ("asterisk-prompts/vm-hello", "Hello, caller.", "asterisk-prompts/vm"),
    ]
    assert read.left_out == {"sounds without words": 1, "texts without sound": 1}
    for clip in read.clips:
        assert len(read_samples(clip, cache.root)) == 8000
        assert clip.sample_rate_hz == 16_000


def test_fetching_writes_the_same_manifest_again(tmp_path: Path) -> None:
    """With everything unpacked no network is asked, and two runs write the same bytes."""
    cache = game_cache(tmp_path)
    console = Console(quiet=True)
    first = fetch_sources([amazon_queen()], cache, console)["amazon-queen"]
    content = manifest_path(cache, "amazon-queen").read_bytes()
    assert fetch_sources([amazon_queen()], cache, console)["amazon-queen"] == first
    assert manifest_path(cache, "amazon-queen").read_bytes() == content
    assert first.header["clips"] == 10


def test_the_tables_show_licences_and_counts(tmp_path: Path) -> None:
    """What a person sees names every package with its licence, and clips for each split."""
    cache = game_cache(tmp_path)
    console = Console(record=True, width=200, quiet=False, file=(tmp_path / "shown").open("w"))
    show_sources(all_recipes(), cache, console)
    show_manifests(fetch_sources([amazon_queen()], cache, Console(quiet=True)), console)
    shown = console.export_text()
    assert "flight-of-the-amazon-queen 1.0.0-9, LicenseRef-Flight-of-the-Amazon-Queen, in the cache" in shown
    assert "hibari-tts 0.2.1, Apache-2.0, 14.0 MB to fetch" in shown
    assert "1 same sound as another, 1 sounds without text" in shown


def test_a_damaged_sound_is_refused(tmp_path: Path) -> None:
    """A clip whose bytes are gone or changed is named, and so is what to do."""
    cache = game_cache(tmp_path)
    clip = read_amazon_queen(amazon_queen(), cache, silently).clips[0]
    path = cache.root / clip.path
    content = path.read_bytes()
    path.write_bytes(content[: clip.offset_bytes + 40])
    with pytest.raises(InvalidInput, match=r"fetch its source again|that is no mp3|without sound"):
        read_samples(clip, cache.root)
    path.unlink()
    with pytest.raises(InvalidInput, match="fetch its source again"):
        read_samples(clip, cache.root)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"no list"), gzip.compress(b"a: b")[:-9], b""])
def test_a_damaged_list_of_prompts_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever is wrong with the list, the error names the file."""
    path = tmp_path / "texts.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"texts\.gz"):
        list(asterisk.read_prompts(path))


def test_conversations_are_read_topic_by_topic(tmp_path: Path) -> None:
    """Turns of the corpus in order; a file of another kind is named."""
    pytest.importorskip("yaml", reason="PyYAML is in the train extra")
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "b.yml").write_text("categories:\n- b\nconversations:\n- - Hi\n  - 'Ho: there'\n  - 42\n")
    (folder / "a.yml").write_text("conversations:\n- - One\n  - Two\n")
    assert list(read_conversations(tmp_path)) == [("a", ["One", "Two"]), ("b", ["Hi", "Ho: there", "42"])]
    (folder / "c.yml").write_text("- just a list\n")
    with pytest.raises(InvalidInput, match=r"c\.yml"):
        list(read_conversations(tmp_path))


def test_a_text_file_is_one_sentence_a_line(tmp_path: Path) -> None:
    """Empty lines do not count; no text, no file or no UTF-8 is an error."""
    path = tmp_path / "text.txt"
    path.write_text("Hello.\n\n  How are you?  \n")
    assert [sentence.text for sentence in read_text_file(path)] == ["Hello.", "How are you?"]
    for content in (b"\n \n", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"text\.txt"):
            read_text_file(path)
    path.unlink()
    with pytest.raises(InvalidInput, match=r"text\.txt"):
        read_text_file(path)
