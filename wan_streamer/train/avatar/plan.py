"""`training.yaml` of an avatar's folder: how much is made and learned."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from wan_streamer.train.data.yaml_file import only_document, read_documents

FILE_NAME: Final = "training.yaml"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Numbers of things; a run that has made as many makes no more.

    Attributes:
        sentences: of the agent's voice, from which the codec of its sound learns.
        conversations: with pictures and both sides' sound.
        heard: further ones, of which only what is heard is made.
        spelled: further ones, put together of words that were spelled.
        held_out: with voices, faces and phrasings that nothing was learned from, to judge by.
        audio_codec_steps, video_codec_steps, reading_steps, speaking_steps, conversing_steps: of each training.
    """

    sentences: int
    conversations: int
    heard: int
    spelled: int
    held_out: int
    audio_codec_steps: int
    video_codec_steps: int
    reading_steps: int
    speaking_steps: int
    conversing_steps: int


def read_plan(path: Path) -> Plan:
    """Reads `training.yaml`.

    Raises:
        InvalidInput: it is missing, or a number in it is missing or below 1; file and line are named.
    """
    document = only_document(read_documents(path), source=str(path))
    found = document.fields(required=tuple(one.name for one in fields(Plan)))
    for value in found.values():
        if value.whole_number() < 1:
            raise value.wrong("1 or more")
    return Plan(**{name: value.whole_number() for name, value in found.items()})
