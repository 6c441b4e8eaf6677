"""The gateway as a process and as a neighbour: health, reflection, traces, metrics, signals."""

import asyncio
import json
import signal
import socket
import sys
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from gateway_client import END, audio_of_unit, running_gateway
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from thinker_peer import ThinkerPeer, serving

from wan_streamer.rpc.channel import open_channel
from wan_streamer.v1 import session_pb2, unit_pb2

SERVICE = "wan_streamer.v1.SessionService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def until_health(address: str, expected: int) -> None:
    async with asyncio.timeout(10), open_channel(address) as channel:
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE)):
            if answer.status == expected:
                return


async def test_health_follows_the_thinker() -> None:
    """A gateway without a thinker says NOT_SERVING, and SERVING again when the thinker is back."""
    async with AsyncExitStack() as stack:
        thinker = AsyncExitStack()
        address = await thinker.enter_async_context(serving(ThinkerPeer()))
        gateway = await stack.enter_async_context(running_gateway(thinker=(address,)))
        await until_health(gateway.server.address, SERVING)
        await thinker.aclose()
        await until_health(gateway.server.address, NOT_SERVING)
        await stack.enter_async_context(serving(ThinkerPeer(), port=int(address.rpartition(":")[2])))
        await until_health(gateway.server.address, SERVING)


async def test_a_thinker_that_starts_later_is_found_by_the_probe_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that comes up first needs no second probe: the first one waits for its thinker to listen."""
    monkeypatch.setattr("wan_streamer.rpc.health.STARTING_INTERVAL_S", 3600)
    for limit in ("wan_streamer.rpc.health.PROBE_LIMIT_S", "services.gateway.thinker_link.DESCRIBE_LIMIT_S"):
        monkeypatch.setattr(limit, 20)
    async with AsyncExitStack() as stack:
        async with serving(ThinkerPeer()) as address:
            pass  # now it is the address of nobody
        starting = asyncio.create_task(stack.enter_async_context(running_gateway(thinker=(address,))))
        await asyncio.sleep(0.5)
        await stack.enter_async_context(serving(ThinkerPeer(), port=int(address.rpartition(":")[2])))
        gateway = await starting
        await until_health(gateway.server.address, SERVING)


async def test_reflection_lists_the_service() -> None:
    """A stranger finds SessionService and its methods without our protos."""
    async with running_gateway() as gateway, open_channel(gateway.server.address) as channel:
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        ]
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(requests))
        listed, described = [answer async for answer in call]
    assert SERVICE in {service.name for service in listed.list_services_response.service}
    assert any(b"CreateSession" in proto for proto in described.file_descriptor_response.file_descriptor_proto)


def read_spans(trace_dir: Path) -> list[dict]:
    return [json.loads(line) for path in trace_dir.glob("*.jsonl") for line in path.read_text().splitlines()]


async def test_every_unit_leaves_a_trace(tmp_path: Path) -> None:
    """A unit is one trace, linked to its session, with the gateway's four stages."""
    async with running_gateway(trace_dir=tmp_path, deadline_ms=60_000) as gateway:
        gateway.peer.trouble = {1: "skip"}
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0), audio_of_unit(1), END)
        units, _ = await talk.rest()
    spans = read_spans(tmp_path)
    session = next(span for span in spans if span["name"] == "session")
    for unit, stages in zip(units, ({"fill", "cut", "forward", "encode"}, {"fill", "cut", "forward"}), strict=True):
        trace_id = unit.header.traceparent.split("-")[1]
        mine = [span for span in spans if span["trace_id"] == trace_id]
        assert {span["attributes"]["stage"] for span in mine if "stage" in span["attributes"]} == stages
        root = next(span for span in mine if span["name"] == "unit")
        assert root["attributes"]["session.id"] == talk.session_id
        assert root["links"] == [{"trace_id": session["trace_id"], "span_id": session["span_id"]}]
    skipped = next(span for span in spans if span["attributes"].get("outcome") == "SKIPPED")
    assert skipped["attributes"]["skip_reason"] == "ENGINE_FAULT"


async def test_metrics_count_what_the_client_got() -> None:
    """Prometheus sees each unit once by its outcome, and histograms with boundaries exactly at the three targets."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    async with running_gateway(metrics_port=port, deadline_ms=60_000) as gateway:
        gateway.peer.trouble = {2: "skip"}
        talk = await gateway.attach()
        await talk.send(*(audio_of_unit(k) for k in range(5)), END)
        units, _ = await talk.rest()
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read())
    samples = [sample for family in text_string_to_metric_families(page.decode()) for sample in family.samples]
    counts = {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for sample in samples
        if sample.name == "wan_streamer_units_total"
    }
    on_time_count = sum(unit.outcome == unit_pb2.UNIT_OUTCOME_ON_TIME for unit in units)
    assert counts == {("ON_TIME", ""): on_time_count, ("SKIPPED", "ENGINE_FAULT"): 1}
    assert on_time_count == 4
    buckets = {
        (sample.labels["boundary"], sample.labels["le"]): sample.value
        for sample in samples
        if sample.name == "wan_streamer_unit_latency_seconds_bucket"
    }
    for boundary in ("model", "capture_to_emission"):
        assert {(boundary, "0.16"), (boundary, "0.2"), (boundary, "0.55")} <= buckets.keys()
        assert buckets[boundary, "+Inf"] == on_time_count


WARM = """
import asyncio, functools, sys
from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from services.gateway.warm_up import warm_up
from wan_streamer.media.resampler import filter_table
from wan_streamer.rpc.server import started

async def main():
    config = GatewayConfig(thinker=("127.0.0.1:1",))
    async with started("gateway", config, functools.partial(build_gateway, config)):
        seen = filter_table.cache_info().misses, set(sys.modules)
        warm_up(85)
        assert seen == (filter_table.cache_info().misses, set(sys.modules)), set(sys.modules) - seen[1]

asyncio.run(main())
"""


async def test_the_first_unit_finds_everything_ready() -> None:
    """Once a gateway listens, no unit has a filter to make or a module to load, not even the first one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WARM, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    _, log = await process.communicate()
    assert process.returncode == 0, log.decode()


async def start_gateway(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("gateway ready on "), (line, (await process.communicate())[1].decode())
    return process, line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_starts_serves_and_ends_on_a_signal(number: signal.Signals) -> None:
    """`python -m services.gateway` says one ready line, serves, and ends with 0 on SIGTERM or Ctrl-C."""
    async with serving(ThinkerPeer()) as thinker:
        process, address = await start_gateway("--thinker", thinker, "--log-json")
        async with open_channel(address) as channel:
            create = channel.unary_unary(
                f"/{SERVICE}/CreateSession",
                request_serializer=session_pb2.CreateSessionRequest.SerializeToString,
                response_deserializer=session_pb2.CreateSessionResponse.FromString,
            )
            assert (await create(session_pb2.CreateSessionRequest(request_id="a"))).session_id
        process.send_signal(number)
        out, log = await process.communicate()
    assert (process.returncode, out) == (0, b""), log.decode()
    assert all(json.loads(line)["service"] == "gateway" for line in log.splitlines() if line.startswith(b"{"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--thinker",), "--thinker"), (("--thinker", "127.0.0.1:1", "--token-key-file", "nowhere"), "nowhere")],
)
async def test_a_bad_configuration_is_said_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    """A configuration that cannot work ends the process at once, and the last line says what to do."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    _, log = await process.communicate()
    assert process.returncode == 1
    last = log.decode().splitlines()[-1]
    assert last.startswith("gateway: got")
    assert said in last
