"""Health asks the engine: one that stands still is restarted, one that has nothing or too much to do is not."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.cluster.release import Release, is_ready
from tests.cluster.report import Report
from tests.cluster.talks import short_talk, talks, until_all
from tests.cluster.values import LIVENESS
from wan_streamer.errors import PlacementLost

# Stops the one thread that has computed most (the model's start) for as long as this program lives; the others go on.
FREEZE: Final = """
import ctypes, pathlib, time
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
def cost(task):
    return sum(map(int, (task / "stat").read_text().rpartition(")")[2].split()[11:13]))
tasks = [task for task in pathlib.Path("/proc/1/task").iterdir() if task.name != "1"]
engine = int(max(tasks, key=cost).name)
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
assert ptrace(PTRACE_SEIZE, engine, 0, 0) == 0, ctypes.get_errno()
assert ptrace(PTRACE_INTERRUPT, engine, 0, 0) == 0, ctypes.get_errno()
print("frozen", flush=True)
time.sleep(600)
"""
# The kubelet's own clockwork, and the start of a thinker on a machine with other work.
MARGIN_S: Final = 5
START_S: Final = 60
# Of the liveness probe; one period until it asks first.
PATIENCE_S: Final = LIVENESS["periodSeconds"] * (LIVENESS["failureThreshold"] + 1)


async def test_a_frozen_engine_is_restarted_and_others_go_on(tiny: Release, report: Report) -> None:
    """NOT_SERVING at once, restarted after the liveness probe's patience and its short grace; meanwhile new sessions
    begin at the other thinker, whose conversation loses nothing."""
    name = tiny.object_name("thinker-1")
    restarts = tiny.restarts()
    async with talks(tiny.address(), 2) as held:
        places = [await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in held]
        other, frozen = held[places.index(0)], held[places.index(1)]
        frozen.is_enough.set()
        await until_all([frozen], lambda talk: talk.ended_s, 30)
        with freezing(tiny, name):
            frozen_s = time.monotonic()
            unready_s = await asyncio.to_thread(
                tiny.cluster.wait, lambda: not is_ready(tiny.pod("thinker-1")), limit_s=10
            )
            # Now: a kubelet that collects dead containers while the next one is being created keeps no log of the last.
            changes = [line for line in tiny.logs(name) if line["event"] == "health changed"]
            assert (changes[-1]["serving"], changes[-1]["cause"]) == (False, "TimeoutError: ")
            # Not after a time in which nobody answers.
            new = await short_talk(tiny.address(), limit_s=8)
            new.check_nothing_lost()
            assert await asyncio.to_thread(tiny.thinker_of, new.session_id) == 0
            limit_s = PATIENCE_S + LIVENESS["terminationGracePeriodSeconds"] + MARGIN_S
            await asyncio.to_thread(
                tiny.cluster.wait, lambda: tiny.restarts()[name] == restarts[name] + 1, limit_s=limit_s
            )
            restarted_s = time.monotonic() - frozen_s
        await asyncio.to_thread(tiny.cluster.wait, lambda: is_ready(tiny.pod("thinker-1")), limit_s=START_S)
        healed_s = time.monotonic() - frozen_s
        await other.until_unit(5)
    other.check_nothing_lost()
    assert {**tiny.restarts(), name: restarts[name]} == restarts
    report.add("frozen engine of a thinker: its pod is not ready after", unready_s)
    report.add("frozen engine of a thinker: restarted after", restarted_s)
    report.add("frozen engine of a thinker: takes sessions again after", healed_s)


@contextmanager
def freezing(tiny: Release, pod: str) -> Iterator[None]:
    """The pod's engine stands still from here on, until its container ends."""
    kubectl = [
        str(tiny.cluster.kubectl_program),
        f"--kubeconfig={tiny.cluster.kubeconfig}",
        f"--namespace={tiny.namespace}",
    ]
    command = [*kubectl, "exec", "--stdin", pod, "--", "python", "-c", FREEZE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            assert said == "frozen\n", said + process.stdout.read()
            yield
        finally:
            process.kill()


async def test_a_conversation_whose_engine_freezes_is_told_that_it_is_lost(tiny: Release, report: Report) -> None:
    """The engine is stopped in the middle of a unit: once the thinker is another one there is nothing to come back to,
    and nothing came twice or half. The conversation at the other thinker loses nothing."""
    name = tiny.object_name("thinker-1")
    async with talks(tiny.address(), 2) as held:
        places = [await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in held]
        other, frozen = held[places.index(0)], held[places.index(1)]
        with freezing(tiny, name):
            frozen_s = time.monotonic()
            limit_s = PATIENCE_S + LIVENESS["terminationGracePeriodSeconds"] + START_S
            await until_all([frozen], lambda talk: talk.ended_s, limit_s)
        await other.until_unit(5)
    assert isinstance(frozen.error, PlacementLost), frozen.error
    frozen.check_units()
    other.check_nothing_lost()
    report.add("frozen engine of a thinker: its conversation hears that it is lost after", frozen.ended_s - frozen_s)


async def test_neither_an_idle_nor_a_saturated_engine_is_restarted(tiny: Release) -> None:
    """Longer than the liveness probe's patience: nothing to do, then more than the machine can do."""
    restarts = tiny.restarts()
    await asyncio.sleep(PATIENCE_S)
    assert tiny.restarts() == restarts
    async with talks(tiny.address(), 4, is_hasty=True) as held:
        await asyncio.sleep(PATIENCE_S)
        assert all(is_ready(pod) for pod in tiny.pods("thinker") + tiny.pods("performer"))
    for talk in held:
        talk.check_nothing_lost()
    # More than the time of a microphone went by.
    assert sum(len(talk.units) for talk in held) * 0.16 > PATIENCE_S
    assert tiny.restarts() == restarts
