"""Processes that share work; Ctrl-C is for the one that waits."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import Any


@contextmanager
def workers(count: int, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[Pool]:
    """A pool that is closed when the block ends well, and ended at once when it does not.

    Args:
        prepare: called with `arguments` in each process before it works.
    """
    # Without fork: a child must not share the threads of voices and networks.
    pool = multiprocessing.get_context("spawn").Pool(count, _prepare, (prepare, arguments))
    try:
        yield pool
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()


def _prepare(prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare(*arguments)
