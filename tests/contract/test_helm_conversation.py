"""The program of `helm test`, with a real gateway and a peer that speaks ThinkerService."""

import asyncio
import sys
from pathlib import Path

from gateway_client import running_gateway

PROGRAM = Path(__file__).parents[2] / "helm" / "wan-streamer" / "files" / "conversation.py"
# The gateway's image has no FFmpeg: the program must do without.
WITHOUT_FFMPEG = """
import runpy, sys
sys.modules["av"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


async def run_program(address: str) -> tuple[int, str]:
    """Its exit status and what it printed."""
    command = [sys.executable, "-c", WITHOUT_FFMPEG, str(PROGRAM), address]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_it_holds_a_conversation_of_four_seconds() -> None:
    """25 units come back, each answered: it says so and succeeds."""
    async with running_gateway(deadline_ms=60_000) as gateway:
        status, output = await run_program(gateway.server.address)
    assert status == 0, output
    assert "25 units, 25 answered" in output


async def test_it_fails_where_a_unit_comes_without_an_answer() -> None:
    """A thinker that loses units fails the test, with where to look."""
    async with running_gateway(deadline_ms=60_000) as gateway:
        gateway.peer.trouble = {3: "skip", 7: "skip"}
        status, output = await run_program(gateway.server.address)
    assert status == 1, output
    assert "25 units, 23 answered" in output
    assert "see the outcomes" in output
