"""The sources: what to fetch, and what is in it. A new source is one function here and, if it has clips, a reader."""

from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.package import Package

AMAZON_QUEEN: Final = "amazon-queen"
ASTERISK_PROMPTS: Final = "asterisk-prompts"
AGENT_VOICE: Final = "agent-voice"
SPEECH_EMBEDDING: Final = "speech-embedding"
CHATTERBOT: Final = "chatterbot"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One source of data: its packages and, in a sentence, what it is good for."""

    name: str
    holds: str
    packages: tuple[Package, ...]


def amazon_queen() -> Recipe:
    """Acted English dialogue. 11.025 kHz, so for the user's side only."""
    return Recipe(
        name=AMAZON_QUEEN,
        holds="acted English dialogue with text, 36 speakers, 11.025 kHz MP3",
        packages=(
            Package(
                name="flight-of-the-amazon-queen",
                version="1.0.0-9",
                index="debian",
                file_name="flight-of-the-amazon-queen_1.0.0-9_all.deb",
                size_bytes=34_859_620,
                sha256="40c08fd258d6fe95c46c1eaf5e9137f84ba330657995a281bd887c94a560a0f1",
                # Free to give away and to change with a notice; the game alone may not be sold.
                licence="LicenseRef-Flight-of-the-Amazon-Queen",
                licence_path="usr/share/doc/flight-of-the-amazon-queen/copyright",
            ),
        ),
    )


def asterisk_prompts() -> Recipe:
    """Telephone prompts of one voice; sounds and texts are two packages."""
    return Recipe(
        name=ASTERISK_PROMPTS,
        holds="studio prompts with text, one speaker, 16 kHz G.722",
        packages=(
            Package(
                name="asterisk-core-sounds-en-g722",
                version="1.6.1-1",
                index="debian",
                file_name="asterisk-core-sounds-en-g722_1.6.1-1_all.deb",
                size_bytes=10_565_860,
                sha256="38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
                licence="CC-BY-SA-3.0",
                licence_path="usr/share/doc/asterisk-core-sounds-en-g722/copyright",
            ),
            Package(
                name="asterisk-core-sounds-en",
                version="1.6.1-1",
                index="debian",
                file_name="asterisk-core-sounds-en_1.6.1-1_all.deb",
                size_bytes=22_844,
                sha256="973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
                licence="CC-BY-SA-3.0",
                licence_path="usr/share/doc/asterisk-core-sounds-en/copyright",
            ),
        ),
    )


def agent_voice() -> Recipe:
    """The agent's voice: a small text-to-speech with its weights. `wan-streamer data voice` runs it."""
    return Recipe(
        name=AGENT_VOICE,
        holds="text-to-speech of the agent's voice, 24 kHz",
        packages=(
            Package(
                name="hibari-tts",
                version="0.2.1",
                index="pypi",
                file_name="hibari_tts-0.2.1-py3-none-any.whl",
                size_bytes=14_032_178,
                sha256="49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
                licence="Apache-2.0",
                licence_path="hibari_tts-0.2.1.dist-info/licenses/LICENSE",
            ),
        ),
    )


def speech_embedding() -> Recipe:
    """A pretrained causal ear. Only embedding_model.onnx and melspectrogram.onnx: the wake words have other terms."""
    return Recipe(
        name=SPEECH_EMBEDDING,
        holds="causal speech embedding, 96 numbers every 80 ms, ONNX",
        packages=(
            Package(
                name="openwakeword",
                version="0.4.0",
                index="pypi",
                file_name="openwakeword-0.4.0-py3-none-any.whl",
                size_bytes=9_285_483,
                sha256="2c353f49a35d384507403efde3db439353d8281a52d08a0e42a5b493e5145075",
                licence="Apache-2.0",
                licence_path="openwakeword-0.4.0.dist-info/LICENSE",
            ),
        ),
    )


def chatterbot() -> Recipe:
    """Short written conversations."""
    return Recipe(
        name=CHATTERBOT,
        holds="short written conversations in English",
        packages=(
            Package(
                name="chatterbot-corpus",
                version="1.3.3",
                index="pypi",
                file_name="chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
                size_bytes=345_706,
                sha256="86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
                # The wheel says "BSD License" and not which.
                licence="LicenseRef-BSD",
                licence_path="chatterbot_corpus-1.3.3.dist-info/METADATA",
            ),
        ),
    )


def all_recipes() -> tuple[Recipe, ...]:
    """Every source, in the order of their names."""
    recipes = (amazon_queen(), asterisk_prompts(), agent_voice(), speech_embedding(), chatterbot())
    return tuple(sorted(recipes, key=lambda recipe: recipe.name))


def choose_recipes(names: tuple[str, ...]) -> tuple[Recipe, ...]:
    """The named sources, or all when none is named.

    Raises:
        InvalidInput: there is no such source.
    """
    known = {recipe.name: recipe for recipe in all_recipes()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidInput(f"got source {unknown[0]!r}, expected some of {', '.join(known)}", reason="SOURCE")
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())
