"""The whole suite on one machine: performer, thinker and gateway as separate processes on loopback."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wan_streamer.client.process import ServiceProcess
from wan_streamer.errors import InvalidInput, PeerUnavailable

START_LIMIT_S: Final = 120.0
STOP_LIMIT_S: Final = 5.0
# After Ctrl-C: together with the files that are still written it must stay under 2 s.
HURRIED_STOP_LIMIT_S: Final = 0.8


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """How the suite runs.

    Args:
        preset: the model.
        seed: of its weights, as long as there are no trained ones.
        port: of the gateway; 0 takes a free one.
        metrics_port: Prometheus metrics of gateway, thinker and performer on this port and the two above; 0 is off.
        out: logs go to out/logs, spans to out/traces.
    """

    preset: str = "nano"
    seed: int = 0
    port: int = 0
    metrics_port: int = 0
    out: Path = Path("out")

    @property
    def trace_dir(self) -> Path:
        """Where every process writes its spans."""
        return self.out / "traces"

    @property
    def log_dir(self) -> Path:
        """Where every process writes its log."""
        return self.out / "logs"


class Suite:
    """Three processes with one life: `start`, then `stop`.

    Args:
        on_wait: called with the name of the service that is waited for, for a spinner.
    """

    def __init__(self, options: SuiteOptions, on_wait: Callable[[str], None]) -> None:
        self.options = options
        self._on_wait = on_wait
        self._processes: list[ServiceProcess] = []

    @property
    def address(self) -> str:
        """Where the gateway listens."""
        return self.process("gateway").address

    def process(self, name: str) -> ServiceProcess:
        """One of the three."""
        return next(process for process in self._processes if process.name == name)

    async def start(self) -> bool:
        """Starts all three and returns True when all are healthy. Cancelled or failed, it leaves no process behind.

        Raises:
            InvalidInput: a port is taken.
            PeerUnavailable: a service ended, or was not healthy in time; with its last log lines.
        """
        self._processes = _plan(self.options)
        try:
            for process in self._processes:
                await process.start()
            await self._until_healthy()
        except BaseException:
            await self.stop(HURRIED_STOP_LIMIT_S)
            raise
        return True

    async def _until_healthy(self) -> None:
        healthy = asyncio.create_task(self._wait_in_order())
        failed = asyncio.create_task(self.wait_for_failure())
        try:
            await asyncio.wait({healthy, failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                raise failed.result()
            healthy.result()
        finally:
            healthy.cancel()
            failed.cancel()

    async def _wait_in_order(self) -> None:
        for process in self._processes:
            self._on_wait(process.name)
            await process.wait_until_healthy(START_LIMIT_S)

    async def wait_for_failure(self) -> PeerUnavailable:
        """Returns when one of the services ends by itself, with the error that says so."""
        waits = [asyncio.create_task(process.wait_for_death()) for process in self._processes]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        # Of several, the one that the others depend on is the cause.
        return next(process for process, wait in zip(self._processes, waits, strict=True) if wait.done()).failure()

    async def stop(self, limit_s: float) -> None:
        """Ends all services, the one that calls before the one that is called; all together within `limit_s`."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        stops = []
        for process in reversed(self._processes):
            stops.append(asyncio.create_task(process.stop(max(0.0, end_s - loop.time()))))
            # The next one would log a caller that vanished; but nobody waits for one that hangs.
            await asyncio.wait(stops[-1:], timeout=limit_s / 4)
        await asyncio.gather(*stops)


def _plan(options: SuiteOptions) -> list[ServiceProcess]:
    """The processes in the order in which they depend on each other, with ports chosen."""
    performer_port, thinker_port, gateway_port = _ports(options.port)
    metrics_port = options.metrics_port
    model = ["--preset", options.preset, "--weights-seed", str(options.seed)]
    own = {
        "performer": (performer_port, model, 2),
        "thinker": (thinker_port, ["--performer", f"127.0.0.1:{performer_port}", *model], 1),
        "gateway": (gateway_port, ["--thinker", f"127.0.0.1:{thinker_port}"], 0),
    }
    return [
        ServiceProcess(
            name,
            port,
            [
                *arguments,
                *("--metrics-port", str(metrics_port + offset if metrics_port else 0)),
                *("--trace-dir", str(options.trace_dir)),
            ],
            options.log_dir / f"{name}.log",
        )
        for name, (port, arguments, offset) in own.items()
    ]


def _ports(gateway_port: int) -> tuple[int, int, int]:
    """Two free loopback ports and the gateway's, which is checked or, when 0, free as well."""
    with ExitStack() as held:
        # All are held until all are chosen, so that they differ.
        performer_port, thinker_port = (_bind(held, 0) for _ in range(2))
        return performer_port, thinker_port, _bind(held, gateway_port)


def _bind(held: ExitStack, port: int) -> int:
    listener = held.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise InvalidInput(
            f"got port {port}, expected a free one ({error.strerror}); choose another with --port or stop what uses it",
            reason="PORT_TAKEN",
        ) from error
    chosen: int = listener.getsockname()[1]
    return chosen
