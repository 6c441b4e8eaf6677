"""Draws what the curves of a conversation say: the agent, and what the agent's camera sees."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.events import VisitorAction
from wan_streamer.train.data.face.agent_renderer import AgentRenderer
from wan_streamer.train.data.face.visitor_renderer import VisitorRenderer
from wan_streamer.train.data.recordings import RecordedAgent, recorded_agent
from wan_streamer.train.data.timeline import Happening, Timeline
from wan_streamer.unit import FRAME_US

Picture = NDArray[np.uint8]


class Pictures:
    """Frames uint8 [height, width, 3] at 25 Hz; to be used from one thread, as a context manager."""

    def __init__(self, heads: Path, *, height: int, width: int) -> None:
        self._heads, self._height, self._width = heads, height, width
        self._agents: dict[str, AgentRenderer | RecordedAgent] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        while self._agents:
            agent = self._agents.popitem()[1]
            if isinstance(agent, AgentRenderer):
                agent.close()

    def agent(self, conversation: Conversation, frames: range) -> Iterator[Picture]:
        """The agent in these frames.

        Raises:
            InvalidInput: the heads are not exported, or there is no OpenGL; or recordings are missing.
        """
        agent = self._open(conversation.agent)
        for frame in frames:
            if isinstance(agent, RecordedAgent):
                yield agent.draw(conversation.timeline, frame)
            else:
                yield agent.draw(conversation.agent_curves, frame)

    def _open(self, agent: Agent) -> AgentRenderer | RecordedAgent:
        if agent.text not in self._agents:
            self._agents[agent.text] = (
                recorded_agent(agent.looks, self._height, self._width)
                if isinstance(agent.looks, Path)
                else AgentRenderer(self._heads, agent.looks, height=self._height, width=self._width)
            )
        return self._agents[agent.text]

    def visitors(self, conversation: Conversation, frames: range) -> Iterator[Picture]:
        """What the camera sees in these frames, late by the conversation's lag.

        Raises:
            InvalidInput: as for the agent.
        """
        visitors = conversation.script.visitors
        curves = tuple(conversation.visitor_curves[visitor.id] for visitor in visitors)
        shown = _Shown(conversation.timeline)
        renderer = VisitorRenderer(
            self._heads,
            faces=tuple(visitor.face for visitor in visitors),
            scene_seed=conversation.scene_seed,
            height=self._height,
            width=self._width,
        )
        try:
            for frame in frames:
                seen = max(0, frame - conversation.camera_lag_frames)
                yield renderer.draw(curves, seen, tuple(shown.item(visitor.id, seen) for visitor in visitors))
        finally:
            renderer.close()


class _Shown:
    """What each visitor holds up; hands rise before and sink after the action, so the nearest one counts."""

    def __init__(self, timeline: Timeline) -> None:
        self._by_visitor: Mapping[str, list[tuple[Happening, str]]] = {
            visitor.id: [
                (happening, item)
                for happening in timeline.happenings
                if (item := _item_of(happening, visitor.id)) is not None
            ]
            for visitor in timeline.script.visitors
        }

    def item(self, visitor: str, frame: int) -> str | None:
        """Name of the item in a frame, None for somebody who shows nothing in the whole conversation."""
        at_us = frame * FRAME_US
        held = self._by_visitor[visitor]
        if not held:
            return None
        return min(held, key=lambda pair: max(pair[0].begin_us - at_us, at_us - pair[0].end_us))[1]


def _item_of(happening: Happening, visitor: str) -> str | None:
    """ "ticket", "card.red", "object.book" ... for somebody who shows something."""
    event = happening.event
    if not isinstance(event, VisitorAction) or event.visitor != visitor or not event.action.startswith("show_"):
        return None
    kind = event.action.removeprefix("show_")
    return kind if event.item is None else f"{kind}.{event.item}"
