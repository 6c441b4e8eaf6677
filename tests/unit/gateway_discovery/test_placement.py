"""To which thinker a new session is offered first."""

import random

import structlog

from services.gateway.discovery.place import Place, Places
from services.gateway.link_pool import LinkPool
from services.gateway.placement import Standing


class FakeLink:
    """A link that only has a standing."""

    def __init__(self, place: Place, standings: dict[str, Standing]) -> None:
        self.place = place
        self.standing = standings[place.address]
        self.close_count = 0

    async def close(self) -> None:
        self.close_count += 1


def standing(taken: int = 0, of: int = 4, *, answers: bool = True, uid: str = "", group: str = "") -> Standing:
    return Standing(pod_uid=uid, performer_group=group, is_answering=answers, taken_count=taken, place_count=of)


def pool_of(
    seed: int = 0,
    leaving_pods: frozenset[str] = frozenset(),
    leaving_groups: frozenset[str] = frozenset(),
    **standings: Standing,
) -> LinkPool[FakeLink]:
    pool = LinkPool(lambda place: FakeLink(place, standings), random.Random(seed).random, structlog.get_logger())
    thinkers = [Place(address=address, pod_uid=each.pod_uid) for address, each in standings.items()]
    pool.update(Places(thinkers=thinkers, leaving_pod_uids=leaving_pods, leaving_groups=leaving_groups))
    return pool


def order(pool: LinkPool[FakeLink]) -> str:
    return "".join(link.place.address for link in pool.by_preference())


def test_the_least_loaded_comes_first() -> None:
    """By the share of its places that is taken, not by their number."""
    assert order(pool_of(a=standing(2, 4), b=standing(3, 12), c=standing(1, 1), d=standing(0, 1))) == "dbac"


def test_who_leaves_or_is_silent_comes_last() -> None:
    """A pod or a performer group that ends soon is worse than a silent thinker, that one worse than a full one."""
    pool = pool_of(
        leaving_pods=frozenset({"A"}),
        leaving_groups=frozenset({"performer-2"}),
        a=standing(0, uid="A"),
        b=standing(1, group="performer-2"),
        c=standing(0, answers=False),
        d=standing(4, 4, group="performer-3"),
    )
    assert order(pool) == "dcab"


def test_a_thinker_that_said_nothing_yet_counts_as_full() -> None:
    """Nothing is known of its places, so those that are known to be free come before it."""
    assert order(pool_of(a=standing(0, 0), b=standing(3, 4))) == "ba"


def test_equal_thinkers_are_drawn_by_lot() -> None:
    """Gateways that see the same numbers do not all choose the same one."""
    first = [order(pool_of(seed, a=standing(), b=standing(), c=standing()))[0] for seed in range(60)]
    assert all(first.count(name) > 8 for name in "abc")


async def test_a_link_lives_as_long_as_its_place() -> None:
    """An update opens and closes only what changed; another uid at the same address is another place."""
    standings = {"a": standing(), "b": standing()}
    pool = LinkPool(lambda place: FakeLink(place, standings), random.random, structlog.get_logger())
    pool.update(Places(thinkers=[Place(address="a", pod_uid="1"), Place(address="b", pod_uid="2")]))
    before = {link.place.address: link for link in pool.links}
    pool.update(Places(thinkers=[Place(address="b", pod_uid="2"), Place(address="a", pod_uid="3")], is_current=False))
    after = {link.place.address: link for link in pool.links}
    assert after["b"] is before["b"]
    assert after["a"] is not before["a"]
    assert not pool.is_current
    await pool.close()
    assert [link.close_count for link in (*before.values(), after["a"])] == [1, 1, 1]
    assert not pool.links
