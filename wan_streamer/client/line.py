"""The way to one gateway for one attachment: a channel of its own and the stream on it."""

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from wan_streamer.errors import PeerUnavailable
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.v1 import session_pb2
from wan_streamer.v1.session_pb2_grpc import SessionServiceStub

if TYPE_CHECKING:
    from wan_streamer.v1.session_pb2_grpc import SessionServiceAsyncStub

CONNECT_LIMIT_S: Final = 10.0

ConnectStream: TypeAlias = ClientStream[session_pb2.ConnectRequest, session_pb2.ConnectResponse]


class Line:
    """Open it, attach, use `stream`, close it. A channel is not shared: a new one may lead to another replica."""

    stream: ConnectStream

    def __init__(self, address: str, tls: ChannelTls | None) -> None:
        self.address = address
        self._channel = open_channel(address, tls)
        self._is_attached = False
        self.stub: SessionServiceAsyncStub = SessionServiceStub(self._channel)

    async def ready(self) -> None:
        """Waits until somebody answers at the address."""
        await self._channel.channel_ready()

    async def attach(self, attach: session_pb2.Attach, limit_s: float = CONNECT_LIMIT_S) -> session_pb2.Attached:
        """Opens the stream with this message; what the gateway answers.

        Raises:
            PeerUnavailable: nothing, or something else, in time.
            WanStreamerError: why it refuses.
        """
        self.stream = ConnectStream(self.stub.Connect())
        self._is_attached = True
        try:
            async with asyncio.timeout(limit_s):
                await self.stream.write(session_pb2.ConnectRequest(attach=attach))
                response = await self.stream.read()
        except TimeoutError as error:
            raise PeerUnavailable(
                f"got no answer to Attach from {self.address} in {limit_s:g} s, expected Attached; see the logs of the "
                "gateway and the thinker"
            ) from error
        if response is None or response.WhichOneof("message") != "attached":
            raise PeerUnavailable(
                f"got no Attached as the first answer of {self.address}, expected one; is it a gateway?"
            )
        return response.attached

    async def close(self) -> None:
        """Ends the call, cancelling it if it has not ended by itself."""
        if self._is_attached:
            self.stream.cancel()
        await self._channel.close()
