"""Who and what is held out of training: whole speakers and whole dialogues, never single clips.

A speaker or dialogue is held out by the hash of its own name, so more data moves nothing to the other side. A dialogue
in which a held-out speaker speaks is held out as a whole. A clip of unknown speaker is in no set that is scored or
trained with speakers: it might be a held-out one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from wan_streamer.train.data.sources.clip import Clip

Split = Literal["train", "heldout_speaker", "heldout_dialogue", "unknown_speaker"]
SPLITS: Final[tuple[Split, ...]] = ("train", "heldout_speaker", "heldout_dialogue", "unknown_speaker")
PERCENT: Final = 100


@dataclass(frozen=True, kw_only=True)
class SplitRule:
    """How much is held out.

    Attributes:
        always_train: speakers and dialogues that stay because too many clips are theirs.
    """

    speaker_percent: int = 23
    dialogue_percent: int = 8
    always_train: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HeldOut:
    """Names that training never sees."""

    speakers: frozenset[str]
    dialogues: frozenset[str]

    def split_of(self, clip: Clip) -> Split:
        """Where a clip belongs."""
        if not clip.speaker:
            return "unknown_speaker"
        if clip.speaker in self.speakers:
            return "heldout_speaker"
        return "heldout_dialogue" if clip.dialogue in self.dialogues else "train"


def hold_out(clips: Sequence[Clip], rule: SplitRule) -> HeldOut:
    """The speakers and dialogues of these clips that the rule holds out."""
    speakers = _below({clip.speaker for clip in clips} - {""} - rule.always_train, rule.speaker_percent)
    dialogues = _below({clip.dialogue for clip in clips} - rule.always_train, rule.dialogue_percent)
    touched = {clip.dialogue for clip in clips if clip.speaker in speakers}
    return HeldOut(speakers, dialogues | touched)


def _below(names: Iterable[str], percent: int) -> frozenset[str]:
    return frozenset(n for n in names if int(hashlib.sha256(n.encode()).hexdigest(), 16) % PERCENT < percent)
