"""The real thinker and performer with mutual TLS between them."""

import functools
from pathlib import Path

import pytest

from services.performer.config import PerformerConfig
from services.performer.service import build_performer
from services.thinker.config import ThinkerConfig
from services.thinker.service import build_thinker
from tests.support.suite import tiny_model
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.server import running_service, started
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.v1 import thinker_pb2, thinker_pb2_grpc

pytest.importorskip("cryptography", reason="certificates for tests are made with it")
from tests.support.certificates import Authority


async def test_a_thinker_calls_its_performer_with_tls_and_says_who_it_is(tmp_path: Path) -> None:
    """It is ready only with a certificate that the performer believes, and names its group and its pod."""
    authority = Authority(tmp_path)
    performer, thinker = authority.issue("127.0.0.1", file="performer"), authority.issue("127.0.0.1", file="thinker")
    inside = {"log_level": "warning", "max_sessions": 1}
    performer_config = PerformerConfig(
        tls_cert_file=performer.cert_file,
        tls_key_file=performer.key_file,
        tls_client_ca_file=authority.ca_file,
        group="performer-3",
        **inside,
    )
    build = functools.partial(build_performer, performer_config, load=tiny_model)
    async with running_service("performer", performer_config, build) as address:
        config = ThinkerConfig(
            performer=address,
            pod_uid="uid-1",
            tls_cert_file=thinker.cert_file,
            tls_key_file=thinker.key_file,
            tls_ca_file=authority.ca_file,
            tls_peer_cert_file=thinker.cert_file,
            tls_peer_key_file=thinker.key_file,
            **inside,
        )
        build = functools.partial(build_thinker, config, load=tiny_model)
        async with (
            started("thinker", config, build) as server,
            open_channel(server.address, ChannelTls(ca_file=authority.ca_file)) as channel,
        ):
            assert server.health.is_serving
            stub = thinker_pb2_grpc.ThinkerServiceStub(channel)
            described = await stub.DescribeThinker(thinker_pb2.DescribeThinkerRequest(), timeout=10)
            assert (described.performer_group, described.pod_uid) == ("performer-3", "uid-1")
