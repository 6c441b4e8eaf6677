"""The async Python client: send audio and frames, iterate over the agent's units.

Ten lines that work against a running suite (`make serve`):

    import asyncio
    import numpy as np
    from wan_streamer.client import AudioFormat, Unit, connect

    async def speak(session, pcm):
        await session.send_audio(pcm)
        await session.end()

    async def main():
        noise = np.random.default_rng(0).normal(0, 1000, 3 * 16000).astype(np.int16)
        microphone = AudioFormat(sample_rate_hz=16000, channel_count=1)
        async with connect("127.0.0.1:50051", audio=microphone, pace="media") as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(speak(session, noise))
            async for event in session:
                if isinstance(event, Unit):
                    print(event.unit_index, event.outcome.name, event.audio.shape, event.frames.shape, event.text)

    asyncio.run(main())
"""

from wan_streamer.client.events import (
    Attached,
    AttachOutcome,
    Ended,
    Event,
    Flush,
    GoAway,
    Outcome,
    SkipReason,
    Unit,
)
from wan_streamer.client.session import Pace, Session, connect
from wan_streamer.media.formats import AudioFormat, VideoFormat

__all__ = [
    "AttachOutcome",
    "Attached",
    "AudioFormat",
    "Ended",
    "Event",
    "Flush",
    "GoAway",
    "Outcome",
    "Pace",
    "Session",
    "SkipReason",
    "Unit",
    "VideoFormat",
    "connect",
]
