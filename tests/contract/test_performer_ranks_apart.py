"""A performer group whose ranks are services of their own, as on several hosts: what they answer, and how they end."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing import AuthenticationError
from pathlib import Path
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.performer.config import PerformerConfig
from services.performer.interface import interface_to
from services.performer.wire import Rendezvous, accepted, connected
from tests.support.faults import any_alive, formed_group
from tests.support.group_talk import Talk, describe, solved_by_one_process
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.errors import InvalidInput, PlacementLost
from wan_streamer.rpc.channel import open_channel

KEY = "k" * 40
START_LIMIT_S = 60
# Promises: a rank that is killed or stopped, and a host that stands still; the next epoch.
RANK_LIMIT_S, HOST_LIMIT_S, FORM_LIMIT_S = 1.0, 4.0, 5.0


class Host:
    """A service of one rank, started as on a host of its own."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, log: Path) -> None:
        self._process = process
        self._folder = folder
        self._log = log

    async def address(self) -> str:
        """Where it listens, once it is ready."""
        await self.until_logged("performer ready on ")
        return self.log().partition("performer ready on ")[2].split()[0]

    def log(self) -> str:
        return self._log.read_text()

    async def until_logged(self, text: str) -> None:
        async with asyncio.timeout(START_LIMIT_S):
            while text not in self.log():
                await asyncio.sleep(0.05)

    def rank_process_id(self) -> int:
        """Of the rank that started last on this host."""
        [file] = self._folder.glob("*.pid")
        return int(file.read_text())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(20):
            return await self._process.wait()

    async def end(self) -> None:
        """Whatever became of it."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.send_signal(signal.SIGCONT)
            await self._process.wait()


class Hosts:
    """Starts the ranks of one group of two."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._started: list[Host] = []

    async def start(self, rank: int, *options: str, key: str = KEY) -> Host:
        """The service of a rank; its options, and the key in its file."""
        folder = self._folder / f"host-{len(self._started)}"
        folder.mkdir()
        (folder / "key").write_text(key)
        log = folder / "log"
        with log.open("a") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.performer_process", str(folder),
                "--ranks=2", f"--rank={rank}", f"--rendezvous=127.0.0.1:{self.port}",
                f"--rendezvous-key-file={folder / 'key'}", "--max-sessions=4", *options,
                stdout=output, stderr=output,
            )  # fmt: skip
        self._started.append(Host(process, folder, log))
        return self._started[-1]

    async def end(self) -> None:
        for host in self._started:
            await host.end()


@pytest.fixture(scope="module")
def conversation() -> list[tuple[KvSlice, Latents]]:
    return solved_by_one_process(4)


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[Hosts]:
    hosts = Hosts(tmp_path)
    yield hosts
    await hosts.end()


@asynccontextmanager
async def group(hosts: Hosts) -> AsyncIterator[tuple[Host, Host, grpc.aio.Channel]]:
    """Rank 0, rank 1 and a channel to the group."""
    leader, other = await hosts.start(0), await hosts.start(1)
    async with open_channel(await leader.address()) as channel:
        await other.address()
        yield leader, other, channel


async def serves(address: str, name: str = "") -> bool:
    async with open_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def talks_as_one_process(channel: grpc.aio.Channel, units: list[tuple[KvSlice, Latents]]) -> None:
    talk = Talk(channel, await formed_group(channel), "a")
    await talk.start()
    for kv_slice, latents in units:
        await talk.send(kv_slice)
        await talk.expect(latents)


@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.long)])
async def test_ranks_apart_answer_what_one_process_answers(
    first: int,
    hosts: Hosts,
    conversation: list[tuple[KvSlice, Latents]],
) -> None:
    """Whichever rank's service starts first, they find each other and give the latents of one process; all are healthy,
    and SIGTERM ends each in order: rank 0, upon which the other one waits, alive and not ready."""
    early = await hosts.start(first)
    await early.until_logged("waiting for rank")
    late = await hosts.start(1 - first)
    leader, other = (early, late) if first == 0 else (late, early)
    address, other_address = await leader.address(), await other.address()
    async with open_channel(address) as channel:
        assert (await describe(channel)).rank_count == 2
        await talks_as_one_process(channel, conversation)
    assert await serves(address)
    assert await serves(other_address)
    rank_process_ids = [leader.rank_process_id(), other.rank_process_id()]
    assert any_alive(rank_process_ids)
    leader.signal(signal.SIGTERM)
    assert await leader.ended() == 0
    await other.until_logged("waits for its group to form")
    assert not await serves(other_address)
    assert await serves(other_address, "live")
    other.signal(signal.SIGTERM)
    assert await other.ended() == 0
    assert not any_alive(rank_process_ids)
    assert "Traceback" not in leader.log() + other.log()


def strike_rank(number: int) -> Callable[[Host], None]:
    return lambda host: os.kill(host.rank_process_id(), number)


def strike_host(number: int) -> Callable[[Host], None]:
    return lambda host: host.signal(number)


@pytest.mark.parametrize(
    ("strike", "limit_s", "what_follows"),
    [
        pytest.param(strike_rank(signal.SIGKILL), RANK_LIMIT_S, "nothing", id="rank-killed"),
        pytest.param(strike_rank(signal.SIGSTOP), RANK_LIMIT_S, "nothing", id="rank-frozen", marks=pytest.mark.long),
        pytest.param(strike_host(signal.SIGKILL), RANK_LIMIT_S, "another", id="host-killed", marks=pytest.mark.long),
        pytest.param(strike_host(signal.SIGSTOP), HOST_LIMIT_S, "goes on", id="host-frozen", marks=pytest.mark.long),
    ],
)
async def test_a_lost_rank_ends_the_epoch_and_the_group_forms_again(
    strike: Callable[[Host], None],
    limit_s: float,
    what_follows: str,
    hosts: Hosts,
    conversation: list[tuple[KvSlice, Latents]],
) -> None:
    """A rank or a whole host that is killed or frozen ends the epoch in time; when the host is there again,
    or another one in its place, the group forms by itself and knows nothing of what was."""
    async with group(hosts) as (leader, other, channel):
        first = await describe(channel)
        talk = Talk(channel, first, "lost")
        await talk.start()
        lost_process_ids = [leader.rank_process_id(), other.rank_process_id()]
        struck_at = time.time()
        strike(other)
        latents, error, at = await talk.end()
        assert isinstance(error, PlacementLost)
        assert (latents, error.reason) == ([], "EPOCH")
        assert at - struck_at < limit_s
        if what_follows == "another":
            await hosts.start(1)
        elif what_follows == "goes on":
            other.signal(signal.SIGCONT)
        second = await formed_group(channel)
        assert second.epoch > first.epoch
        if what_follows == "nothing":
            assert time.time() - struck_at < FORM_LIMIT_S
        assert not any_alive(lost_process_ids)
        await talks_as_one_process(channel, conversation)


@pytest.mark.long
async def test_rank_zero_that_is_lost_is_found_again(
    hosts: Hosts,
    conversation: list[tuple[KvSlice, Latents]],
) -> None:
    """Where rank 0's service is killed, the others end their ranks, wait, and serve its successor."""
    async with group(hosts) as (leader, other, _):
        rank_process_ids = [leader.rank_process_id(), other.rank_process_id()]
        leader.signal(signal.SIGKILL)
        await other.until_logged("rank 0 is out of reach")
        async with asyncio.timeout(5):
            while any_alive(rank_process_ids):
                await asyncio.sleep(0.02)
    successor = await hosts.start(0)
    async with open_channel(await successor.address()) as channel:
        await talks_as_one_process(channel, conversation)


@pytest.mark.long
async def test_sessions_go_on_while_a_whole_group_is_told_to_end(
    hosts: Hosts,
    conversation: list[tuple[KvSlice, Latents]],
) -> None:
    """All services of a group get SIGTERM at once, as when its pods are deleted: a live session is told and still gets
    its units; when it has left, all end."""
    async with group(hosts) as (leader, other, channel):
        talk = Talk(channel, await describe(channel), "a")
        await talk.start()
        other.signal(signal.SIGTERM)
        leader.signal(signal.SIGTERM)
        assert await talk.told_to_go()
        await other.until_logged("draining")
        for kv_slice, latents in conversation:
            await talk.send(kv_slice)
            await talk.expect(latents)
        await talk.leave()
        assert (await leader.ended(), await other.ended()) == (0, 0)


@pytest.mark.long
async def test_only_ranks_of_the_group_are_let_in(hosts: Hosts) -> None:
    """Who has another key, or is a rank that is here or of a group of another size, is refused, is told why and goes on
    asking; the group serves meanwhile. Who does not know the greeting keeps nobody out."""
    leader = await hosts.start(0)
    await leader.until_logged("waiting for ranks")
    with (
        socket.create_connection(("127.0.0.1", hosts.port)) as silent,
        socket.create_connection(("127.0.0.1", hosts.port)) as noise,
    ):
        noise.sendall(b"GET / HTTP/1.1\r\n\r\n")
        stranger = await hosts.start(1, key="s" * 40)
        await stranger.until_logged("rank 0 has another key")
        await leader.until_logged("wrong key")
        assert "rank joined" not in leader.log()
        other = await hosts.start(1)
        async with open_channel(await leader.address()) as channel:
            double, large = await hosts.start(1), await hosts.start(1, "--ranks=4")
            await double.until_logged("got rank 1 twice")
            await large.until_logged("got a rank of 4, expected one of 2")
            assert (await describe(channel)).epoch
            other.signal(signal.SIGKILL)
            # The double, which went on asking, takes its place.
            await double.address()
            await formed_group(channel)
        silent.close()


async def test_a_service_that_waits_for_its_ranks_can_be_ended(hosts: Hosts) -> None:
    """SIGTERM while nobody has come yet ends rank 0's service at once."""
    leader = await hosts.start(0)
    await leader.until_logged("waiting for ranks")
    leader.signal(signal.SIGTERM)
    begun = time.monotonic()
    assert await leader.ended() == 0
    assert time.monotonic() - begun < 3
    assert "Traceback" not in leader.log()


def test_the_interface_that_leads_to_a_host_is_found_by_its_address() -> None:
    """This host itself is behind the loopback interface; a name that nobody has is behind none."""
    assert interface_to("127.0.0.1") == "lo"
    assert interface_to("nobody.invalid") == ""


def test_a_stranger_has_nothing_unpickled(tmp_path: Path) -> None:
    """The greeting of a caller with another key fails before any message is read."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        errors: list[BaseException] = []

        def accept() -> None:
            try:
                accepted(server.accept()[0], KEY.encode())
            except AuthenticationError as error:
                errors.append(error)

        thread = Thread(target=accept)
        thread.start()
        with pytest.raises(AuthenticationError):
            connected(Rendezvous(host="127.0.0.1", port=server.getsockname()[1], key=b"other"))
        thread.join(5)
        assert errors


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rendezvous": "here:29500"}, "RENDEZVOUS_KEY"),
        ({"rendezvous": "here:29500", "rendezvous_key_file": Path("/nowhere/key")}, "RENDEZVOUS_KEY"),
        ({"rendezvous": "here:29500", "rendezvous_key_file": Path(os.devnull)}, "RENDEZVOUS_KEY"),
        ({"rendezvous": "29500"}, "RENDEZVOUS"),
        ({"rank": 1}, "RENDEZVOUS"),
        ({"rendezvous": "here:29500", "rank": 2}, "RANKS"),
        ({"rendezvous": "here:29500", "ranks": 1}, "RANKS"),
    ],
)
def test_a_place_that_cannot_be_is_refused(options: dict[str, object], reason: str) -> None:
    """No key, an empty one, no address, or a rank that the group does not have."""
    with pytest.raises(InvalidInput) as caught:
        PerformerConfig(**{"ranks": 2, **options}).rendezvous_place()  # type: ignore[arg-type]
    assert caught.value.reason == reason
