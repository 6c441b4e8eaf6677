"""The chart's tests need the tools of `make chart-tools`; what is not there is skipped, with the reason.

Where CHART_TOOLS=required says that all of them are installed, nothing is skipped: what is missing fails.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tests.chart.helm import REPOSITORY, Helm


def missing(what: str) -> NoReturn:
    """Ends a test that cannot run here."""
    end = pytest.fail if os.environ.get("CHART_TOOLS") == "required" else pytest.skip
    end(f"{what} missing: `make chart-tools` makes what the chart's tests need")


def find_tool(name: str) -> Path:
    """A tool in build/bin, where `make chart-tools` puts it, or on the PATH; HELM, PROMTOOL ... name another."""
    path = os.environ.get(name.upper().replace("-", "_")) or shutil.which(
        name, path=f"{REPOSITORY / 'build' / 'bin'}:{os.environ['PATH']}"
    )
    if path is None:
        missing(f"{name} is")
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


@pytest.fixture(scope="session")
def schemas() -> Path:
    """Of Kubernetes objects, a folder a version."""
    folder = REPOSITORY / "build" / "schemas"
    if not folder.is_dir():
        missing("the schemas are")
    return folder
