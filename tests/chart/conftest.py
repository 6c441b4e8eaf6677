"""The chart's tests need the tools of `make chart-tools`; what is not there is skipped, with the reason."""

import os
import shutil
from pathlib import Path

import pytest

from tests.chart.helm import REPOSITORY, Helm


def find_tool(name: str) -> Path:
    """A tool in build/bin, where `make chart-tools` puts it, or on the PATH; HELM, PROMTOOL ... name another."""
    path = os.environ.get(name.upper().replace("-", "_")) or shutil.which(
        name, path=f"{REPOSITORY / 'build' / 'bin'}:{os.environ['PATH']}"
    )
    if path is None:
        pytest.skip(f"{name} is missing: `make chart-tools` builds it")
    return Path(path)


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(find_tool("helm"))


@pytest.fixture(scope="session")
def promtool() -> Path:
    return find_tool("promtool")


@pytest.fixture(scope="session")
def kubeconform() -> Path:
    return find_tool("kubeconform")


@pytest.fixture(scope="session")
def checkov() -> Path:
    return find_tool("checkov")
