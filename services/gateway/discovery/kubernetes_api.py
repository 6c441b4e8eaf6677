"""The API server, through the official client; the only module that imports it.

Objects stay decoded JSON: of a pod we read five fields, and the client's models check hundreds.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
from kubernetes.aio import client, config

from services.gateway.discovery.object_watch import ApiAway, Change, Expired, KubernetesObject, Listing
from wan_streamer.errors import InvalidInput

LIST_LIMIT_S: Final = 10.0
# The server ends a watch then, and we go on from there; one that hangs is found soon after.
WATCH_S: Final = 60
WATCH_LIMIT_S: Final = WATCH_S + 15.0
OWN_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
GONE: Final = 410
CHANGES: Final = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")

# The client's method of one kind; its answer is aiohttp's, unread.
_Ask = Callable[..., Awaitable[aiohttp.ClientResponse]]


class KubernetesApi:
    """The objects of one namespace."""

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        self._core = client.CoreV1Api(api_client)
        self._discovery = client.DiscoveryV1Api(api_client)
        self.namespace = namespace

    def pods(self, selector: str) -> "SelectedObjects":
        """Pods with these labels."""
        return SelectedObjects(self._core.list_namespaced_pod_without_preload_content, self.namespace, selector)

    def endpoint_slices(self, service: str) -> "SelectedObjects":
        """The EndpointSlices of a Service."""
        ask = self._discovery.list_namespaced_endpoint_slice_without_preload_content
        return SelectedObjects(ask, self.namespace, f"kubernetes.io/service-name={service}")


class SelectedObjects:
    """Objects of one kind with some labels; an ObjectSource."""

    def __init__(self, ask: _Ask, namespace: str, selector: str) -> None:
        self._ask = ask
        self._namespace = namespace
        self._selector = selector

    async def list(self) -> Listing:
        """All of them, in one answer: they are few."""
        async with self._answer(LIST_LIMIT_S) as answer:
            page = _decoded(await answer.read())
        try:
            return Listing(
                objects=[_checked(found) for found in page["items"] or ()], version=page["metadata"]["resourceVersion"]
            )
        except (KeyError, TypeError) as error:
            raise ApiAway("the API server's list is none") from error

    async def watch(self, version: str) -> AsyncIterator[Change]:
        """What changes after a version."""
        options = {"watch": True, "resource_version": version, "allow_watch_bookmarks": True}
        async with self._answer(WATCH_LIMIT_S, timeout_seconds=WATCH_S, **options) as answer:
            # A last line without its end was cut off in the middle.
            while (line := await answer.content.readline()).endswith(b"\n"):
                yield _change(_decoded(line))

    @asynccontextmanager
    async def _answer(self, limit_s: float, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            answer = await self._ask(
                self._namespace, label_selector=self._selector, _request_timeout=limit_s, **options
            )
            async with answer:
                if answer.status >= 400:
                    raise _refusal(answer.status, await answer.text())
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ApiAway(f"the API server cannot be asked ({type(error).__name__}: {error})") from error


@asynccontextmanager
async def open_api(kubeconfig: Path | None, namespace: str) -> AsyncIterator[KubernetesApi]:
    """Reaches the API server as a pod does, or as a kubeconfig file says.

    Args:
        kubeconfig: the file; None: the service account that Kubernetes mounts into pods.
        namespace: of the objects; empty: the pod's own.

    Raises:
        InvalidInput: KUBERNETES, neither is there, or the file says nothing usable.
    """
    settings = client.Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(settings)
        else:
            await config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
        namespace = namespace or await asyncio.to_thread(OWN_NAMESPACE.read_text, encoding="utf-8")
    except (config.ConfigException, OSError) as error:
        raise InvalidInput(
            f"got no way to the API server ({error}), expected a pod with a service account's token; outside of a "
            "cluster say --discovery-kubeconfig FILE and --discovery-namespace NAME",
            reason="KUBERNETES",
        ) from error
    async with client.ApiClient(settings) as api_client:
        yield KubernetesApi(api_client, namespace.strip())


def _change(line: KubernetesObject) -> Change:
    kind, found = line.get("type"), line.get("object")
    if kind == "ERROR" and isinstance(found, dict):
        raise _refusal(found.get("code", 0), str(found.get("message")))
    try:
        if kind not in CHANGES:
            raise ApiAway(f"the API server said {kind!r} in a watch")
        found = cast("KubernetesObject", found)
        return Change(
            kind=kind,
            object=found if kind == "BOOKMARK" else _checked(found),
            version=found["metadata"]["resourceVersion"],
        )
    except (KeyError, TypeError) as error:
        raise ApiAway("the API server sent an object without metadata") from error


def _checked(found: KubernetesObject) -> KubernetesObject:
    """Raises KeyError for an object that has not what all have."""
    _ = found["metadata"]["uid"], found["metadata"]["name"]
    return found


def _refusal(status: int, text: str) -> Exception:
    if status == GONE:
        return Expired(text)
    hint = "; the gateway's account needs get, list and watch on it" if status in (401, 403) else ""
    return ApiAway(f"the API server answered {status}: {text.strip()[:300]}{hint}")


def _decoded(data: bytes) -> dict[str, Any]:
    decoded = json.loads(data)
    if not isinstance(decoded, dict):
        raise ApiAway("the API server sent no object")
    return decoded
