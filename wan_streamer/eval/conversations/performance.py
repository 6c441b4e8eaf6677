"""All that is known of a system: the judged talks, and its long one."""

from dataclasses import dataclass

from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.long_look import LongLook
from wan_streamer.eval.conversations.spelling import Words


@dataclass(frozen=True, kw_only=True, eq=False)
class Performance:
    """A system's talks and what they are compared with.

    Attributes:
        long: what is seen of its long talk, None where there is none.
        rendered: the truth without codecs in the conversations whose films are judged.
        words: the words of a text that are compared.
        seed: of bootstraps and permutations.
    """

    system: str
    talks: tuple[Judged, ...]
    long: LongLook | None
    rendered: tuple[Judged, ...]
    words: Words
    seed: int
