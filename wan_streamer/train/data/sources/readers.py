"""From unpacked packages to clips: one reader a source."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wan_streamer.train.data.sources import asterisk
from wan_streamer.train.data.sources.amazon_queen.archive import read_archive
from wan_streamer.train.data.sources.amazon_queen.characters import HERO
from wan_streamer.train.data.sources.amazon_queen.sounds import REMARKS, read_sounds
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.clip import Clip, decode
from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.recipes import AMAZON_QUEEN, ASTERISK_PROMPTS, Recipe
from wan_streamer.train.data.sources.splits import SplitRule

QUEEN_PATH: Final = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"

# Wraps a list while it is gone through, to show progress.
Track = Callable[[Sequence[int]], Iterator[int]]
Reader = Callable[[Recipe, DataCache, Track], "Read"]


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a reader has found: clips, how they are split, and what was left out how often."""

    clips: list[Clip]
    rule: SplitRule
    left_out: dict[str, int]


def read_amazon_queen(recipe: Recipe, cache: DataCache, track: Track) -> Read:
    """The game's speech. Of sounds with the same bytes only the first is taken, so that none is on both sides.

    Raises:
        InvalidInput: the game's files are damaged.
    """
    package = recipe.packages[0]
    path = cache.unpacked_path(package) / QUEEN_PATH
    archive = read_archive(path)
    sounds = read_sounds(archive)
    clips: list[Clip] = []
    seen: set[bytes] = set()
    for index in track(range(len(sounds))):
        sound = sounds[index]
        entry, data = archive.entries[sound.name], archive.read(sound.name)
        content = hashlib.sha256(data).digest()
        if content in seen:
            continue
        seen.add(content)
        samples, rate_hz = decode(data, "mp3", sound.name)
        clips.append(
            Clip(
                name=f"{recipe.name}/{sound.name.removesuffix('.SB')}",
                path=path.relative_to(cache.root).as_posix(),
                offset_bytes=entry.offset_bytes,
                size_bytes=entry.size_bytes,
                encoding="mp3",
                sample_rate_hz=rate_hz,
                sample_count=len(samples),
                text=sound.text,
                speaker=f"{recipe.name}/{sound.speaker}" if sound.speaker else "",
                dialogue=f"{recipe.name}/{sound.dialogue}",
                licence=package.licence,
                package=_named(package),
            )
        )
    left_out = {
        "same sound as another": len(sounds) - len(clips),
        "sounds without text": len(archive.names(".SB")) - len(sounds),
    }
    stays = frozenset({f"{recipe.name}/{HERO}", f"{recipe.name}/{REMARKS}"})
    return Read(clips=clips, rule=SplitRule(always_train=stays), left_out=left_out)


def read_asterisk_prompts(recipe: Recipe, cache: DataCache, track: Track) -> Read:
    """The prompts that have words.

    Raises:
        InvalidInput: the list of texts or a sound is damaged.
    """
    sounds, texts = recipe.packages
    folder = cache.unpacked_path(sounds) / asterisk.SOUND_PATH
    spoken = dict(asterisk.read_prompts(cache.unpacked_path(texts) / asterisk.TEXT_PATH))
    paths = sorted(path for path in folder.rglob("*.g722"))
    clips = []
    for index in track(range(len(paths))):
        name = paths[index].relative_to(folder).with_suffix("").as_posix()
        if name in spoken:
            clips.append(_prompt(paths[index], name, spoken[name], recipe, cache.root))
    stays = frozenset({f"{recipe.name}/{asterisk.SPEAKER}"})
    return Read(
        clips=clips,
        rule=SplitRule(always_train=stays),
        left_out={"sounds without words": len(paths) - len(clips), "texts without sound": len(spoken) - len(clips)},
    )


def _prompt(path: Path, name: str, text: str, recipe: Recipe, root: Path) -> Clip:
    data = path.read_bytes()
    samples, rate_hz = decode(data, "g722", name)
    return Clip(
        name=f"{recipe.name}/{name}",
        path=path.relative_to(root).as_posix(),
        offset_bytes=0,
        size_bytes=len(data),
        encoding="g722",
        sample_rate_hz=rate_hz,
        sample_count=len(samples),
        text=text,
        speaker=f"{recipe.name}/{asterisk.SPEAKER}",
        dialogue=f"{recipe.name}/{asterisk.family(name)}",
        licence=recipe.packages[0].licence,
        package=_named(recipe.packages[0]),
    )


def _named(package: Package) -> str:
    return f"{package.name} {package.version}"


def readers() -> Mapping[str, Reader]:
    """The sources that have clips."""
    return {AMAZON_QUEEN: read_amazon_queen, ASTERISK_PROMPTS: read_asterisk_prompts}
