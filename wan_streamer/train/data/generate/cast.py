"""The visitors' voices and faces, by name; what a name sounds and looks like is the renderer's matter."""

from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.splits import Split, speaker_of, split_names, split_speakers
from wan_streamer.train.data.voices.names import USER_VOICES

FACE_COUNT: Final = 200


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who can visit.

    Attributes:
        voices: `engine-speaker` or `engine-speaker@accent`; those of one speaker are in one split.
        faces: names of faces.
        training_voices: further voices of the split `train`, of speakers that are in none.
        agent_voice: which no visitor has; the others stay in the splits that they are in.

    Raises:
        InvalidInput: a name twice, or a split without a voice or a face.
    """

    voices: tuple[str, ...]
    faces: tuple[str, ...]
    training_voices: tuple[str, ...] = ()
    agent_voice: str | None = None

    def __post_init__(self) -> None:
        if len(set(self.voices)) < len(self.voices) or len(set(self.faces)) < len(self.faces):
            raise InvalidInput("got a voice or a face twice, expected each name once", reason="CAST")
        for split in ("train", "validation", "held_out"):
            if not (self.voices_of(split) and self.faces_of(split)):
                raise InvalidInput(
                    f"got no voice or no face for {split!r}, expected one; 3 speakers of an engine are enough",
                    reason="CAST",
                )

    def voices_of(self, split: Split) -> tuple[str, ...]:
        """The voices of a split, in order."""
        splits = split_speakers(self.voices)
        own = tuple(voice for voice in self.voices if splits[speaker_of(voice)] == split)
        all_of_them = own + self.training_voices if split == "train" else own
        return tuple(voice for voice in all_of_them if voice != self.agent_voice)

    def faces_of(self, split: Split) -> tuple[str, ...]:
        """The faces of a split, in order."""
        splits = split_names("face", self.faces)
        return tuple(face for face in self.faces if splits[face] == split)


def default_cast() -> Cast:
    """The voices that the recipes can fetch, and FACE_COUNT faces."""
    return Cast(voices=USER_VOICES, faces=tuple(f"face-{face_index:03d}" for face_index in range(FACE_COUNT)))
