"""What every talker is."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from wan_streamer.engine.exchange import AgentOutput
from wan_streamer.train.data.conversation import Conversation


class Talker(Protocol):
    """Somebody who takes part in conversations as the agent."""

    @property
    def rate_hz(self) -> int:
        """Of its sound."""

    @property
    def made_from(self) -> dict[str, str]:
        """All that its talks follow from besides the conversation, files by their hashes."""

    def talk(self, parts: Sequence[Conversation], *, film: bool) -> Iterator[AgentOutput]:
        """A unit for each unit of the conversations, which follow each other in one session.

        Args:
            film: whether pictures are wanted; without, those that need not be drawn are empty, [0, height, width, 3].

        Raises:
            InvalidInput: faces are not exported or there is no OpenGL.
        """
