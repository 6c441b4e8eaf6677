"""A small domain and made-up lengths of words, for tests of conversation scripts."""

from random import Random

from wan_streamer.train.data.events import SPEECH, Backchannel, Sound, words_of
from wan_streamer.train.data.generate.cast import Cast
from wan_streamer.train.data.generate.domain import OUT_OF_DOMAIN, Domain, Intent, Reaction, SlotValue
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import Durations, Spoken

DAYS = ("Friday", "Saturday", "Sunday")
THINGS = ("ticket", "map", "guide", "tour")


def small_domain() -> Domain:
    """Two ordinary intents with grammar, slots and follow-ups, one that repeats, one that stops."""
    return Domain(
        name="small",
        intents=(
            Intent(
                name="hours",
                phrasings=tuple(
                    f"{word} are you open on {{day}}?" for word in ("When", "How long", "Why", "Until when")
                ),
                grammar={
                    "start": ("{ask} when you open[ on {day}]?", "(So|Well), {ask} the hours?", "Hours, [please]?"),
                    "ask": ("tell me", "could you say", "do you know"),
                },
                answers=(
                    "We are open from ten to six, every day but Monday. Come and see us soon.",
                    "On {day} we are {day.hours}, and the desk is open one hour longer.",
                ),
                follow_ups=(
                    Intent(
                        name="hours.other_day",
                        phrasings=("And on {day}?", "What about {day}?", "And {day}?", "On {day} too?"),
                        answers=("On {day} we are {day.hours}.",),
                    ),
                ),
            ),
            Intent(
                name="things",
                phrasings=tuple(f"Where do I get a {thing}, please?" for thing in THINGS),
                answers=("At the desk on your left. It is next to the big stairs, you cannot miss it.",),
                grammar={"start": ("(Where|How) do I get a (ticket|map|guide|tour)[, please]?",)},
            ),
            Intent(
                name="again",
                phrasings=("Can you say that again?", "Pardon me?", "Once more, please.", "Sorry, what was that?"),
                answers=("{last_answer}", "I said: {last_answer}"),
                repeats=True,
            ),
            Intent(
                name="stop",
                phrasings=("Stop.", "Never mind.", "All right, thanks.", "Wait, wait."),
                answers=("All right.",),
                interrupts=True,
            ),
        ),
        out_of_domain=Intent(
            name=OUT_OF_DOMAIN,
            phrasings=tuple(f"What is the capital of {land}?" for land in ("Peru", "Chad", "Oman", "Cuba", "Fiji")),
            answers=("I don't know that. Shall I call somebody?",),
        ),
        backchannels=("mhm", "I see"),
        reactions=(
            Reaction(event="arrive", answers=("Welcome, how can I help?",)),
            Reaction(event="come_back", answers=("Welcome back to the desk.",)),
            Reaction(event="wave", answers=("Hello, come a little closer.",)),
            Reaction(event="show_ticket", answers=("Your ticket is fine.",)),
            Reaction(event="show_card", item="red", answers=("That is a red card.",)),
            Reaction(event="show_card", item="blue", answers=("That is a blue card.",)),
            Reaction(event="show_object", item="bag", answers=("Please leave the bag.",)),
        ),
        side_talk=tuple((f"Is it {colour}?", "No, I think not.", "Well then.") for colour in ("red", "blue", "green")),
        slots={"day": tuple(SlotValue(says=(day,), attributes={"hours": "open until six"}) for day in DAYS)},
    )


def small_cast() -> Cast:
    """Ten speakers of one engine, two of them with two accents, and twenty faces."""
    voices = [f"tone-{speaker}" for speaker in range(8)]
    voices += [f"tone-{speaker}@{accent}" for speaker in (8, 9) for accent in ("north", "south")]
    return Cast(voices=tuple(voices), faces=tuple(f"face-{face}" for face in range(20)))


def drawn_durations(script: Script, seed: int) -> Durations:
    """Lengths as speech has them: words of 120 to 600 ms (of murmurs 250), small gaps, sounds of 200 to 900 ms."""
    random = Random(f"{seed}/{script.name}")
    speech = {}
    for event in script.events:
        if isinstance(event, SPEECH):
            words = []
            time_us = random.randrange(0, 100_000)
            for _ in words_of(event.text):
                length_us = random.randrange(120_000, 250_000 if isinstance(event, Backchannel) else 600_000)
                words.append((time_us, time_us + length_us))
                time_us += length_us + random.choice((0, 0, random.randrange(0, 80_000)))
            speech[event.id] = Spoken(duration_us=words[-1][1] + random.randrange(0, 100_000), words=tuple(words))
    sounds_us = {e.id: random.randrange(200_000, 900_000) for e in script.events if isinstance(e, Sound)}
    return Durations(speech=speech, sounds_us=sounds_us)


def steady_durations(script: Script, *, word_us: int = 200_000, sound_us: int = 500_000) -> Durations:
    """Every word takes the same time, without gaps."""
    speech = {}
    for event in script.events:
        if isinstance(event, SPEECH):
            count = len(words_of(event.text))
            words = tuple((index * word_us, (index + 1) * word_us) for index in range(count))
            speech[event.id] = Spoken(duration_us=count * word_us, words=words)
    return Durations(speech=speech, sounds_us={e.id: sound_us for e in script.events if isinstance(e, Sound)})
