"""The order of one unit's work: the simple loop in one process.

The services do the same work in the same order, with the wire in between and, where `lag` allows it, side by side; they
must give the same latents, bit for bit.
"""

from dataclasses import dataclass

from wan_streamer.engine.captured import Recorder
from wan_streamer.engine.exchange import AgentOutput, Latents, Stage, UserInput, unstamped
from wan_streamer.engine.performer import Performer, PerformerSession
from wan_streamer.engine.thinker import Thinker, ThinkerSession
from wan_streamer.model.wan_streamer import WanStreamer


@dataclass
class DuplexSession:
    """One conversation in one process; `latents` are those of the last unit."""

    thinker: ThinkerSession
    performer: PerformerSession
    latents: Latents | None = None


class Duplex:
    """Thinker and performer of one model, one after the other.

    Args:
        recorder: how passes run; by default as is best on the model's device.
    """

    def __init__(self, model: WanStreamer, recorder: Recorder | None = None) -> None:
        self.thinker = Thinker(model, recorder)
        self.performer = Performer(model, recorder)

    def open(self, seed: int) -> DuplexSession:
        """A conversation before its first unit."""
        return DuplexSession(self.thinker.open(), self.performer.open(seed))

    def close(self, session: DuplexSession) -> None:
        """Ends a conversation; its memory is free for another one."""
        self.thinker.close(session.thinker)
        self.performer.close(session.performer)

    def step(self, session: DuplexSession, user: UserInput, stage: Stage = unstamped) -> AgentOutput:
        """One unit in, one unit out."""
        kv_slice = self.thinker.hear_and_think(session.thinker, user, stage)
        with stage("append"):
            self.performer.append(session.performer, kv_slice)
        with stage("solve"):
            latents = self.performer.solve(session.performer, user.unit_index)
        with stage("decode"):
            output = self.thinker.decode(session.thinker, latents)
        with stage("clean"):
            self.performer.commit(session.performer, latents)
        with stage("commit"):
            self.thinker.commit(session.thinker, latents)
        session.latents = latents
        return output
