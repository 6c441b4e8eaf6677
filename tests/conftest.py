"""Shared by all tests."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_engine_thread() -> None:
    """Results are compared bit for bit between processes, so all must split their sums the same way."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
