"""Silence inside turns."""

from random import Random

from wan_streamer.train.data.events import Pause, words_of
from wan_streamer.train.data.generate.mixing import Mixing, Timing
from wan_streamer.train.data.generate.sentences import sentence_ends


def draw_hesitation(text: str, timing: Timing, random: Random) -> tuple[Pause, ...]:
    """One pause after the second word or later; `text` has three words or more."""
    place = random.randint(1, len(words_of(text)) - 2)
    duration_ms = random.randint(timing.hesitation_ms.least, timing.hesitation_ms.most)
    return (Pause(after_word_index=place, duration_ms=duration_ms),)


def draw_agent_pauses(text: str, mixing: Mixing, random: Random) -> tuple[Pause, ...]:
    """Now and then a pause between two sentences of the agent."""
    places = sentence_ends(text)
    if not places or random.random() >= mixing.agent_pause:
        return ()
    wanted = mixing.timing.agent_pause_ms
    return (Pause(after_word_index=random.choice(places), duration_ms=random.randint(wanted.least, wanted.most)),)
