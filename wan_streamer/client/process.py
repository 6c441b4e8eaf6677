"""One service of the suite as a child process: started, waited for until it is healthy, stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from wan_streamer.errors import PeerUnavailable
from wan_streamer.rpc.channel import open_channel

LOG_LINE_COUNT: Final = 12
POLL_INTERVAL_S: Final = 0.1


class ServiceProcess:
    """`python -m services.<name>` with its output in `log_path`.

    Args:
        name: gateway, thinker or performer.
        port: where it will listen on loopback.
        arguments: of its command line, besides the port.
    """

    def __init__(self, name: str, port: int, arguments: Sequence[str], log_path: Path) -> None:
        self.name = name
        self.port = port
        self.log_path = log_path
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Starts the process; it is not healthy yet."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        child = (sys.executable, "-m", "wan_streamer.client.child", str(os.getpid()), f"services.{self.name}")
        with self.log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *child,
                "--port",
                str(self.port),
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # The terminal's Ctrl-C is for the suite, which ends its services in order.
                start_new_session=True,
            )

    async def wait_until_healthy(self, limit_s: float) -> None:
        """Returns when grpc.health.v1 says SERVING.

        Raises:
            PeerUnavailable: it was not healthy in time; with its last log lines.
        """
        try:
            async with asyncio.timeout(limit_s), open_channel(self.address) as channel:
                stub = health_pb2_grpc.HealthStub(channel)
                while True:
                    if await self._is_serving(stub):
                        return
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise PeerUnavailable(
                f"the {self.name} was not healthy after {limit_s:.0f} s; its last log lines:\n{self.last_log_lines()}"
            ) from error

    async def wait_for_death(self) -> None:
        """Returns when the process has ended, for whatever reason."""
        await self._started.wait()

    def failure(self) -> PeerUnavailable:
        """The error that says that and how this process ended."""
        return PeerUnavailable(
            f"the {self.name} ended with code {self._started.returncode}; its last log lines "
            f"({self.log_path}):\n{self.last_log_lines()}"
        )

    async def stop(self, limit_s: float) -> None:
        """SIGTERM, a second one (which ends a drain) at half of the time, SIGKILL at its end.

        Nothing happens when the process never ran or has ended.
        """
        process = self._process
        if process is None:
            return
        for _ in range(2):
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(limit_s / 2):
                    await process.wait()
            except TimeoutError:
                continue
            return
        process.kill()
        await process.wait()

    def last_log_lines(self) -> str:
        """The end of its log, indented."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_LINE_COUNT:]
        return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"

    @property
    def _started(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start() comes first"
        return self._process

    async def _is_serving(self, stub: health_pb2_grpc.HealthStub) -> bool:
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
