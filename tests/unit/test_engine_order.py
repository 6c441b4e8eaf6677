"""The schedule as data says what the engine does."""

from contextlib import nullcontext

import pytest

from benchmarks.simulation import JobTimes, Outcome, in_phases, simulate
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.order import JOBS
from wan_streamer.engine.schedule import Duplex
from wan_streamer.model.presets import untrained
from wan_streamer.unit import UNIT_MS

TIMES = JobTimes(hear=20, think=60, solve=90, decode=10, clean=30, commit=20)


def spans(outcome: Outcome, job: str) -> list[tuple[float, float]]:
    """Start and end of a job for each unit of the first session."""
    return [(each.start_ms, each.end_ms) for each in outcome.ran if each.job == job and each.session == 0]


def test_the_simple_loop_stamps_the_stages_of_all_jobs_in_an_order_that_they_allow() -> None:
    """Every stage of every job is stamped once, each job after those that it needs."""
    duplex = Duplex(untrained(tiny_config(), 0))
    stamped: list[str] = []

    def stage(name: str) -> nullcontext[None]:
        stamped.append(name)
        return nullcontext()

    duplex.step(duplex.open(0), random_unit(tiny_config(), 0), stage)
    assert sorted(stamped) == sorted(stage for job in JOBS for stage in job.stages)
    by_name = {job.name: job for job in JOBS}
    for job in JOBS:
        for need in job.after:
            assert stamped.index(by_name[need].stages[-1]) < stamped.index(job.stages[0])


def test_one_session_alone_takes_the_sum_of_what_its_answer_waits_for() -> None:
    """With time between the units latency is hear, think, solve and decode, with a hop either way."""
    times = JobTimes(hear=8, think=12, solve=24, decode=10, clean=13, commit=13)
    outcome = simulate(in_phases([0.0], 5), times, lag=0, hop_ms=2)
    assert outcome.latencies_ms == ((58.0,) * 5,)


@pytest.mark.parametrize("lag", [0, 1])
def test_state_passes_wait_for_exactly_what_the_mask_says(lag: int) -> None:
    """Units that are there at once: state pass k begins when latents k - 1 - lag are committed, and not later."""
    outcome = simulate([[0.0] * 8], TIMES, lag=lag)
    think, commit = spans(outcome, "think"), spans(outcome, "commit")
    solve, decode = spans(outcome, "solve"), spans(outcome, "decode")
    for k in range(1 + lag, 8):
        assert think[k][0] >= commit[k - 1 - lag][1]
    overlaps = any(think[k + 1][0] < solve[k][1] and think[k + 1][1] > solve[k][0] for k in range(7))
    assert overlaps == (lag == 1)
    # What bounds the rate: the chain without hearing and decoding with lag 0, the slower process with lag 1.
    chain_ms = TIMES.think + TIMES.solve + TIMES.commit
    period_ms = decode[5][1] - decode[4][1]
    assert period_ms == pytest.approx(chain_ms if lag == 0 else max(TIMES.thinker_ms, TIMES.performer_ms), abs=1)


def test_a_chain_longer_than_the_tick_keeps_up_only_with_lag() -> None:
    """170 ms to think, solve and commit fall behind with lag 0 and keep pace with lag 1."""
    assert TIMES.think + TIMES.solve + TIMES.commit > UNIT_MS
    last = [simulate(in_phases([0.0], 30), TIMES, lag=lag).latencies_ms[0] for lag in (0, 1)]
    assert last[0][-1] > last[0][0] + 28 * (170 - UNIT_MS) - 1
    assert max(last[1]) == last[1][0]


def test_who_is_late_hears_and_decodes_while_a_unit_is_solved() -> None:
    """220 ms from hear to commit, 140 without hear and decode: late at times, but never falls behind for good."""
    times = JobTimes(hear=40, think=30, solve=85, decode=40, clean=25, commit=25)
    outcome = simulate(in_phases([0.0], 200), times, lag=0)
    alone_ms = times.hear + times.think + times.solve + times.decode
    assert max(outcome.latencies_ms[0]) < alone_ms + 2 * UNIT_MS
    hear, solve, decode = (spans(outcome, job) for job in ("hear", "solve", "decode"))
    assert any(solve[k][0] <= hear[k + 1][0] < solve[k][1] for k in range(199))
    assert any(solve[k + 1][0] <= decode[k][0] < solve[k + 1][1] for k in range(199))


def test_ranks_share_the_performers_work_only() -> None:
    """Four ranks take a quarter of solve and clean, and their exchange; the thinker's jobs stay."""
    shared = TIMES.on_ranks(4, exchange_ms=5)
    assert (shared.solve, shared.clean, shared.think) == (27.5, 12.5, 60)
    assert TIMES.on_ranks(1, exchange_ms=5) == TIMES
