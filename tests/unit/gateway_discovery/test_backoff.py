"""Waiting before the next attempt."""

from services.gateway.discovery.backoff import FIRST_S, MOST_S, Backoff


def test_waits_double_up_to_a_bound_and_start_again() -> None:
    """Without luck the whole time, with the most luck half of it; success makes them short again."""
    longest, shortest = Backoff(lambda: 0.0), Backoff(lambda: 1.0)
    waits_s = [longest.next_s() for _ in range(12)]
    assert waits_s[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert waits_s[-1] == MOST_S
    assert [shortest.next_s() for _ in range(12)] == [wait_s / 2 for wait_s in waits_s]
    longest.reset()
    assert longest.next_s() == FIRST_S
