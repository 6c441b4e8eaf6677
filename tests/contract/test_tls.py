"""TLS between clients, gateway and thinkers over loopback, with certificates made here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
import structlog
from gateway_client import running_gateway
from grpc_health.v1 import health_pb2, health_pb2_grpc
from thinker_peer import ThinkerPeer

from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from wan_streamer.client import cli
from wan_streamer.client.session import connect
from wan_streamer.errors import InvalidInput, PeerUnavailable
from wan_streamer.media.formats import AudioFormat
from wan_streamer.rpc.channel import SERVER_OPTIONS, open_channel
from wan_streamer.rpc.config import PeerConfig, ServerConfig
from wan_streamer.rpc.server import running_service
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tls import ChannelTls, Identity, ServerTls
from wan_streamer.v1 import thinker_pb2_grpc

pytest.importorskip("cryptography", reason="certificates for tests are made with it")
from tests.support.certificates import Authority

AUDIO = AudioFormat(sample_rate_hz=16_000, channel_count=1)
LOOPBACK = "127.0.0.1"
SERVING = health_pb2.HealthCheckResponse.SERVING


class Idle:
    """A service that does nothing."""

    full_names = ()

    def register(self, server: grpc.aio.Server) -> None:
        """It has no methods."""

    async def probe_engine(self) -> None:
        """It is well."""

    async def probe(self) -> None:
        """It needs nobody."""

    async def drain(self, time_left_s: float) -> None:
        """It has nothing to end."""


@asynccontextmanager
async def build_idle(_context: object) -> AsyncIterator[Idle]:
    yield Idle()


async def ask(address: str, tls: ChannelTls | None) -> int:
    """The health of a server; raises what the caller of a service gets."""
    async with open_channel(address, tls) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return answer.status


async def refusal(address: str, tls: ChannelTls | None) -> str:
    """Why nobody is reached."""
    with pytest.raises(PeerUnavailable) as refused:
        await ask(address, tls)
    return refused.value.reason


def options_of(identity: Identity) -> dict[str, Path]:
    return {"tls_cert_file": identity.cert_file, "tls_key_file": identity.key_file}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_only_who_believes_the_right_ca_and_asks_for_the_right_name_is_served(
    authority: Authority, tmp_path: Path
) -> None:
    """The right CA works; a wrong one, the usual ones, another name and plaintext are refused, each with its reason."""
    identity = authority.issue(LOOPBACK, "thinker-0.thinker")
    right, wrong = ChannelTls(ca_file=authority.ca_file), ChannelTls(ca_file=Authority(tmp_path, "other").ca_file)
    async with running_service("test", ServerConfig(**options_of(identity)), build_idle) as address:
        assert await ask(address, right) == SERVING
        assert await ask(address, replace(right, server_name="thinker-0.thinker")) == SERVING
        assert await refusal(address, replace(right, server_name="thinker-1.thinker")) == "TLS_NAME"
        assert await refusal(address, wrong) == "TLS_CA"
        assert await refusal(address, ChannelTls()) == "TLS_CA"
        assert await refusal(address, None) == "TLS_REFUSED"


async def test_a_server_without_tls_is_not_called_with_it(authority: Authority) -> None:
    """There is no way back to plaintext when TLS was asked for."""
    async with running_service("test", ServerConfig(), build_idle) as address:
        assert await refusal(address, ChannelTls(ca_file=authority.ca_file)) == "TLS_PLAINTEXT"


async def test_a_server_may_ask_for_certificates(authority: Authority, tmp_path: Path) -> None:
    """Mutual TLS: without a certificate, or with one of another CA, nobody gets in."""
    config = ServerConfig(**options_of(authority.issue(LOOPBACK)), tls_client_ca_file=authority.ca_file)
    trusting = ChannelTls(ca_file=authority.ca_file)
    stranger = Authority(tmp_path, "other").issue("gateway", file="stranger")
    async with running_service("test", config, build_idle) as address:
        assert await ask(address, replace(trusting, identity=authority.issue("gateway", file="gateway"))) == SERVING
        assert await refusal(address, trusting) == "TLS_REFUSED"
        assert await refusal(address, replace(trusting, identity=stranger)) == "TLS_REFUSED"


async def test_a_renewed_certificate_is_shown_without_a_restart(authority: Authority) -> None:
    """New connections get the new one, open ones go on; files that do not fit together change nothing."""
    identity = authority.issue(LOOPBACK, "old")
    tls = ChannelTls(ca_file=authority.ca_file)
    async with (
        running_service("test", ServerConfig(**options_of(identity)), build_idle) as address,
        open_channel(address, tls) as open_since,
    ):
        await open_since.channel_ready()
        authority.issue(LOOPBACK, "new")
        assert await ask(address, replace(tls, server_name="new")) == SERVING
        assert await refusal(address, replace(tls, server_name="old")) == "TLS_NAME"
        identity.cert_file.write_text("half of a")
        assert await ask(address, replace(tls, server_name="new")) == SERVING
        authority.issue(LOOPBACK, "newest")
        assert await ask(address, replace(tls, server_name="newest")) == SERVING
        health = health_pb2_grpc.HealthStub(open_since)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=10)).status == SERVING


async def test_kubelets_ask_a_port_of_its_own(authority: Authority, unused_tcp_port: int) -> None:
    """Health alone, without TLS, and nothing else."""
    config = ServerConfig(**options_of(authority.issue(LOOPBACK)), health_port=unused_tcp_port)
    async with running_service("test", config, build_idle) as address:
        assert await ask(address, ChannelTls(ca_file=authority.ca_file)) == SERVING
        assert await ask(f"{LOOPBACK}:{unused_tcp_port}", None) == SERVING


async def test_a_client_talks_through_a_gateway_to_a_thinker_all_with_tls(authority: Authority, tmp_path: Path) -> None:
    """Client to gateway by one CA, gateway to thinker by another and with a certificate of its own."""
    inside = Authority(tmp_path / "inside")
    thinker_tls = ServerTls(identity=inside.issue(LOOPBACK, file="thinker"), client_ca_file=inside.ca_file)
    server = grpc.aio.server(options=list(SERVER_OPTIONS))
    thinker_pb2_grpc.add_ThinkerServiceServicer_to_server(ThinkerPeer(), server)
    port = server.add_secure_port(f"{LOOPBACK}:0", thinker_tls.credentials(structlog.get_logger()))
    await server.start()
    shown = inside.issue("gateway", file="gateway")
    options = {
        **options_of(authority.issue(LOOPBACK)),
        "thinker": (f"{LOOPBACK}:{port}",),
        "tls_ca_file": inside.ca_file,
        "tls_peer_cert_file": shown.cert_file,
        "tls_peer_key_file": shown.key_file,
    }
    try:
        async with running_gateway(**options) as gateway:
            address = gateway.server.address
            tls = ChannelTls(ca_file=authority.ca_file)
            async with connect(address, audio=AUDIO, pace="media", tls=tls) as session:
                assert session.attached.generation == 1
            with pytest.raises(PeerUnavailable, match="does it want TLS"):
                async with connect(address, audio=AUDIO, pace="media"):
                    pass
            with pytest.raises(PeerUnavailable, match="check the CA file"):
                async with connect(address, audio=AUDIO, pace="media", tls=ChannelTls(ca_file=inside.ca_file)):
                    pass
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("break_it", "reason", "says"),
    [
        (lambda identity: identity.key_file.unlink(), "TLS_FILE", "tls.key, which cannot be read"),
        (lambda identity: identity.cert_file.write_text("nothing"), "TLS_PAIR", "both PEM"),
        (lambda identity: identity.key_file.write_bytes(identity.cert_file.read_bytes()), "TLS_PAIR", "both PEM"),
    ],
)
async def test_files_that_cannot_be_used_are_said_at_the_start(authority: Authority, break_it, reason, says) -> None:
    """A file that is missing, no PEM, or does not belong to the other one: the message names it."""
    identity = authority.issue(LOOPBACK)
    break_it(identity)
    with pytest.raises(InvalidInput, match=says) as refused:
        async with running_service("test", ServerConfig(**options_of(identity)), build_idle):
            pass
    assert refused.value.reason == reason


async def test_a_key_of_another_certificate_is_found(authority: Authority) -> None:
    """The pair is checked before anybody connects."""
    mixed = replace(authority.issue(LOOPBACK), key_file=authority.issue(LOOPBACK, file="b").key_file)
    with pytest.raises(InvalidInput, match="belongs to it"):
        mixed.read()


async def test_a_gateway_checks_its_cas_at_the_start(tmp_path: Path) -> None:
    """A CA file that is missing or none is said before a thinker is called."""
    for content, reason in ((None, "TLS_FILE"), ("nothing", "TLS_CA")):
        ca_file = tmp_path / "ca.crt"
        if content is not None:
            ca_file.write_text(content)
        config = GatewayConfig(thinker=("127.0.0.1:1",), tls_ca_file=ca_file)
        with pytest.raises(InvalidInput) as refused:
            async with running_service(
                "gateway", config, lambda context, config=config: build_gateway(config, context)
            ):
                pass
        assert refused.value.reason == reason


def test_options_that_need_each_other_come_together(tmp_path: Path) -> None:
    """Half of a pair, or a certificate for peers that are called without TLS, is refused."""
    file = tmp_path / "x"
    for config in (ServerConfig(tls_cert_file=file), ServerConfig(tls_client_ca_file=file)):
        with pytest.raises(InvalidInput, match="expected"):
            config.server_tls()
    with pytest.raises(InvalidInput, match="--tls-ca-file"):
        PeerConfig(tls_peer_cert_file=file, tls_peer_key_file=file).channel_tls()
    assert ServerConfig().server_tls() is None
    assert PeerConfig().channel_tls() is None


def test_the_command_line_takes_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`wan-streamer talk` says which file is wrong and which option is missing."""
    media = str(Path(__file__).parents[2] / "examples" / "visitor.mp4")
    talk = ["talk", media, "--out", str(tmp_path / "out"), "--server", "127.0.0.1:1"]
    assert cli.main([*talk, "--tls-ca-file", "nowhere.crt"]) == cli.EXIT_ERROR
    assert "nowhere.crt" in capsys.readouterr().err
    assert cli.main([*talk, "--tls-cert-file", "mine.crt"]) == cli.EXIT_ERROR
    assert "--tls-key-file" in capsys.readouterr().err
