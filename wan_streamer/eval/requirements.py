"""Whether what a judge needs is here: Python modules of the `eval` extra and fetched models."""

from collections.abc import Sequence
from importlib.util import find_spec

from wan_streamer.eval.judge import Availability, Available, Unavailable
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.package import Package


def find_modules(modules: Sequence[str]) -> Availability:
    """Available, or the first module that is missing and how to get it."""
    for module in modules:
        if find_spec(module) is None:
            return Unavailable(f"Python module {module} is missing; pip install 'wan-streamer[eval]'")
    return Available()


def find_requirements(modules: Sequence[str], packages: Sequence[Package], cache: DataCache) -> Availability:
    """Available, or the first module or model that is missing and how to get it."""
    found = find_modules(modules)
    if isinstance(found, Unavailable):
        return found
    for package in packages:
        if not cache.has(package):
            return Unavailable(f"model {package.name} {package.version} is not fetched; run wan-streamer eval setup")
    return Available()
