"""The async Python client: send audio and frames, iterate over the agent's units.

Lines that work against a running suite (`make serve`):

    import asyncio
    import numpy as np
    from wan_streamer.client import AudioFormat, Unit, connect


    async def main():
        microphone = AudioFormat(sample_rate_hz=16000, channel_count=1)
        async with connect("127.0.0.1:50051", audio=microphone, pace="media") as session:
            await session.send_audio(np.zeros(16000, np.int16))
            await session.end()
            async for event in session:
                if isinstance(event, Unit):
                    print(event.unit_index, event.outcome.name, event.audio.shape, event.frames.shape, event.text)


    asyncio.run(main())

Who sends more than two seconds, or live, sends in a task of its own while another one iterates.
"""

from wan_streamer.client.events import (
    Attached,
    AttachOutcome,
    Ended,
    Event,
    Flush,
    GoAway,
    Outcome,
    Resumed,
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
    "Resumed",
    "Session",
    "SkipReason",
    "Unit",
    "VideoFormat",
    "connect",
]
