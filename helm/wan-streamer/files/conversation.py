"""What `helm test` runs in the gateway's image: speaks a tone to the agent and counts what comes back.

At media pace: on a machine that is too slow for live conversations it takes longer and says the same.
"""

import asyncio
import pathlib
import sys

import numpy as np

from wan_streamer.client import AudioFormat, Outcome, Session, Unit, connect
from wan_streamer.rpc.tls import ChannelTls

RATE_HZ, SECONDS, UNIT_COUNT = 16_000, 4, 25
# Of the gateway's certificate; a certificate of a public CA comes without.
CA_FILE = pathlib.Path("/etc/wan-streamer-tls/ca.crt")


async def speak(session: Session) -> None:
    """Sends the tone; waits by itself where it would be too far ahead."""
    time_s = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    await session.send_audio((8000 * np.sin(2 * np.pi * 220 * time_s)).astype(np.int16))
    await session.end()


async def converse(server: str, tls: ChannelTls | None) -> list[Unit]:
    """All units that came back."""
    microphone = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1)
    async with connect(server, audio=microphone, pace="media", tls=tls) as session, asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(session))
        return [event async for event in session if isinstance(event, Unit)]


def main(server: str, *options: str) -> int:
    """0 when every unit came once, in order, with sound and pictures."""
    tls = ChannelTls(ca_file=CA_FILE if CA_FILE.exists() else None) if "--tls" in options else None
    units = asyncio.run(converse(server, tls))
    answered = [unit for unit in units if unit.outcome is not Outcome.SKIPPED and unit.audio.size and unit.video_jpeg]
    print(f"{len(units)} units, {len(answered)} answered")
    if [unit.unit_index for unit in units] != list(range(UNIT_COUNT)):
        print(
            f"got unit indices {[unit.unit_index for unit in units]}, expected 0 to {UNIT_COUNT - 1} once and in order"
        )
        return 1
    if len(answered) < UNIT_COUNT:
        print("got units without an answer: see the outcomes in the gateway's log and metrics")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
