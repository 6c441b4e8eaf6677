"""A small API server: lists and watches of pods and EndpointSlices over real HTTP, with trouble on demand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: u, user: {token: secret}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""
KINDS = {"pods": "/api/v1/namespaces/talk/pods", "slices": "/apis/discovery.k8s.io/v1/namespaces/talk/endpointslices"}


class ApiServer:
    """Objects of two kinds, and every change of them at a version of its own, as etcd has it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self.changes: dict[str, list[Object]] = {kind: [] for kind in KINDS}
        self.version = 100
        self.oldest_version = 0
        """Watches from before it get 410 Gone."""
        self.delay_s = 0.0
        """Before each answer and each line of a watch."""
        self.status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.tokens: set[str] = set()
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def put(self, kind: str, found: Object) -> None:
        """Adds an object or changes it."""
        name = found["metadata"]["name"]
        await self._change("MODIFIED" if name in self.objects[kind] else "ADDED", kind, found)
        self.objects[kind][name] = found

    async def delete(self, kind: str, name: str) -> None:
        """Removes an object."""
        await self._change("DELETED", kind, self.objects[kind].pop(name))

    async def forget(self) -> None:
        """Compaction: what was before now is not known any more, and all watches are told so."""
        self.oldest_version = self.version = self.version + 1
        async with self._changed:
            self._changed.notify_all()

    def listings(self, kind: str) -> int:
        """How often a kind was listed."""
        return sum(path == KINDS[kind] and "watch" not in query for path, query in self.requests)

    async def start(self) -> None:
        """Listens; again at the same port after `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Is away: nobody listens, and all connections break."""
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        for task in list(self._connections):
            with suppress(asyncio.CancelledError):
                await task

    def write_kubeconfig(self, path: Path) -> Path:
        """How to reach it."""
        path.write_text(KUBECONFIG % self.port)
        return path

    async def _change(self, kind_of_change: str, kind: str, found: Object) -> None:
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        async with self._changed:
            self.changes[kind].append({"type": kind_of_change, "object": json.loads(json.dumps(found))})
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while request := await self._request(reader):
                await self._answer(*request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or `stop`
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        self.tokens.update(line.partition(": ")[2] for line in headers if line.lower().startswith("authorization"))
        url = urlsplit(first.split()[1])
        request = url.path, {name: values[0] for name, values in parse_qs(url.query).items()}
        self.requests.append(request)
        return request

    async def _answer(self, path: str, query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        [kind] = [kind for kind, known in KINDS.items() if known == path]
        await asyncio.sleep(self.delay_s)
        if self.status != 200:
            await _send(writer, self.status, {"kind": "Status", "code": self.status, "message": "no right to do that"})
        elif "watch" in query:
            await self._watch(kind, int(query["resourceVersion"]), writer)
        else:
            items = list(self.objects[kind].values())
            await _send(writer, 200, {"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def _watch(self, kind: str, version: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            if version < self.oldest_version:
                gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
                await _send_chunk(writer, {"type": "ERROR", "object": gone})
                writer.write(b"0\r\n\r\n")
                return
            for change in [each for each in self.changes[kind] if _version(each) > version]:
                await asyncio.sleep(self.delay_s)
                await _send_chunk(writer, change)
                version = _version(change)
            async with self._changed:
                if not [each for each in self.changes[kind] if _version(each) > version]:
                    await self._changed.wait()


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    """A running one."""
    server = ApiServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def pod(
    name: str, uid: str, ip: str, *, component: str = "thinker", index: int = 0, is_leaving: bool = False
) -> Object:
    """A pod of the chart, as far as a gateway reads it."""
    labels = {"app.kubernetes.io/component": component, "apps.kubernetes.io/pod-index": str(index)}
    metadata: Object = {"name": name, "uid": uid, "labels": labels}
    if is_leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "status": {"podIP": ip}}


def endpoint_slice(*pods: Object, port: int = 7301, name: str = "thinker-x") -> Object:
    """The EndpointSlice of a headless Service with these pods behind it."""
    endpoints = [
        {
            "addresses": [each["status"]["podIP"]],
            "hostname": each["metadata"]["name"],
            "targetRef": {"kind": "Pod", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"]},
        }
        for each in pods
    ]
    metadata = {"name": name, "uid": f"slice-{name}"}
    return {"metadata": metadata, "ports": [{"name": "grpc", "port": port}], "endpoints": endpoints}


def _version(change: Object) -> int:
    return int(change["object"]["metadata"]["resourceVersion"])


async def _send(writer: asyncio.StreamWriter, status: int, body: Object) -> None:
    data = json.dumps(body).encode()
    writer.write(b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(data)))
    writer.write(data)
    await writer.drain()


async def _send_chunk(writer: asyncio.StreamWriter, line: Object) -> None:
    data = json.dumps(line).encode() + b"\n"
    # In two pieces: a line of a watch may be cut anywhere on its way.
    for piece in (data[:7], data[7:]):
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
