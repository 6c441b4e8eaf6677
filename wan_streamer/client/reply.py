"""reply.mp4: the agent's picture and sound as the player showed them, by unit index."""

from collections.abc import Callable
from pathlib import Path

from wan_streamer.client.conversation import Conversation
from wan_streamer.media.mp4_writer import Mp4Writer


def write_reply(conversation: Conversation, path: Path, may_go_on: Callable[[], bool]) -> int:
    """Writes the units from index 0 on, 160 ms each, until there are no more or `may_go_on` says no.

    Returns:
        How many units were written.
    """
    attached = conversation.attached
    written = 0
    with Mp4Writer(
        path,
        attached.video_width,
        attached.video_height,
        attached.audio_sample_rate_hz,
        source_type="trainedAlgorithmicMedia",
    ) as writer:
        for frames, audio in conversation.heard_and_seen():
            if not may_go_on():
                break
            writer.write(frames, audio)
            written += 1
    return written
