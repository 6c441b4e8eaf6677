"""Small conversations with made-up sound and movement, for what stores, reads and shows them."""

import numpy as np

from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ, Conversation
from wan_streamer.train.data.curves import COLUMNS, Curves
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import AgentTurn, Moment, Script, UserTurn, Visitor, VisitorAction
from wan_streamer.train.data.timeline import Durations, Spoken
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

WORD_US = 300_000


def small_script(name: str = "by-hand", *, words: int = 4, shows_card: bool = False) -> Script:
    """A question of `words` words, at 600 ms a red card where there is one, and an answer of three words."""
    card = VisitorAction(
        id="card", begins=Moment(offset_ms=600), visitor="ann", action="show_card", item="red", duration_ms=1500
    )
    return Script(
        name=name,
        domain="test",
        family="question",
        visitors=(Visitor(id="ann", voice="flite-awb", face="face-001"),),
        events=(
            UserTurn(
                id="user-1",
                begins=Moment(offset_ms=400),
                visitor="ann",
                text=" ".join(["why"] * words),
                intent="hours",
                phrasing="why",
            ),
            AgentTurn(
                id="agent-1",
                begins=Moment(of="user-1", edge="end", offset_ms=500),
                text="because we say",
                intent="hours",
                answers="user-1",
            ),
            *([card] if shows_card else []),
        ),
    )


def small_durations(script: Script) -> Durations:
    """Every word lasts WORD_US."""
    speech = {}
    for event in script.events:
        if not isinstance(event, UserTurn | AgentTurn):
            continue
        count = len(event.text.split())
        words = tuple((WORD_US * word, WORD_US * (word + 1)) for word in range(count))
        speech[event.id] = Spoken(duration_us=WORD_US * count, words=words)
    return Durations(speech=speech)


def small_conversation(
    name: str = "by-hand", *, words: int = 4, seed: int = 0, shows_card: bool = False
) -> Conversation:
    """Tones that begin where the speech does, and movement at random."""
    script = small_script(name, words=words, shows_card=shows_card)
    durations = small_durations(script)
    timeline = schedule(script, durations)
    units = len(timeline.units)
    random = np.random.default_rng(seed)

    def tone(rate_hz: int, event: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        time_s = np.arange(units * samples_per_unit(rate_hz)) / rate_hz
        spoken = next(item for item in timeline.utterances if item.event.id == event)
        inside = (time_s >= spoken.begin_us / 1e6) & (time_s < spoken.end_us / 1e6)
        return (0.3 * inside * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)

    def curves() -> Curves:
        return Curves(values_FC=random.random((units * FRAMES_PER_UNIT, len(COLUMNS)), np.float32))

    return Conversation(
        script=script,
        durations=durations,
        user_audio=tone(USER_RATE_HZ, "user-1"),
        agent_audio=tone(AGENT_RATE_HZ, "agent-1"),
        agent_curves=curves(),
        visitor_curves={"ann": curves()},
        scene_seed=seed,
        camera_lag_frames=2,
    )
