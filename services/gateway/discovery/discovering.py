"""Runs a discovery for as long as the gateway lives."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from structlog.typing import FilteringBoundLogger

from services.gateway.discovery.backoff import Backoff
from services.gateway.discovery.cluster_places import ServiceName, places_of
from services.gateway.discovery.config import DiscoveryConfig
from services.gateway.discovery.object_watch import ObjectWatch
from services.gateway.discovery.place import Place, Places
from wan_streamer.errors import InvalidInput

Publish = Callable[[Places], None]


@asynccontextmanager
async def discovering(config: DiscoveryConfig, publish: Publish, log: FilteringBoundLogger) -> AsyncIterator[None]:
    """Publishes the places of thinkers, and again whenever they change, until it is left.

    Raises:
        InvalidInput: the configuration names no thinkers, no Service, or no way to the API server.
    """
    if config.discovery == "static":
        if not config.thinker:
            raise InvalidInput("got no thinker, expected the address of at least one; say --thinker host:port")
        publish(Places(thinkers=[Place(address=address) for address in config.thinker]))
        yield
        return
    async with _watching(config, publish, log):
        yield


@asynccontextmanager
async def _watching(config: DiscoveryConfig, publish: Publish, log: FilteringBoundLogger) -> AsyncIterator[None]:
    if not config.discovery_service or not config.discovery_selector:
        raise InvalidInput(
            "got --discovery kubernetes without --discovery-service or --discovery-selector; name the thinkers' "
            "Service and the labels of the pods",
            reason="DISCOVERY",
        )
    try:
        # Seconds on a busy machine, and only for those who watch.
        from services.gateway.discovery.kubernetes_api import open_api
    except ImportError as error:
        raise InvalidInput(
            f"got --discovery kubernetes, but its client is missing ({error}); pip install 'wan-streamer[gateway]'",
            reason="KUBERNETES",
        ) from error
    async with open_api(config.discovery_kubeconfig, config.discovery_namespace) as api:
        name = ServiceName(
            service=config.discovery_service, namespace=api.namespace, cluster_domain=config.discovery_cluster_domain
        )

        def tell() -> None:
            is_current = slices.is_current and pods.is_current
            publish(places_of(slices.objects, pods.objects, name, is_current=is_current))

        draw = random.SystemRandom().random
        slices = ObjectWatch("endpointslices", api.endpoint_slices(config.discovery_service), tell, Backoff(draw), log)
        pods = ObjectWatch("pods", api.pods(config.discovery_selector), tell, Backoff(draw), log)
        tell()
        tasks = [asyncio.create_task(watch.run(), name="discovery") for watch in (slices, pods)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
