"""Which thinker a new session is offered to first."""

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.discovery.place import Places


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of a thinker.

    Attributes:
        pod_uid: empty where it is not known.
        performer_group: its group; empty where it is not known.
        is_answering: whether it answered when it was asked last.
        taken_count: sessions and reservations, with those that were made since it was asked.
        place_count: sessions that it admits; 0 where it is not known.
    """

    pod_uid: str = ""
    performer_group: str = ""
    is_answering: bool
    taken_count: int
    place_count: int

    @property
    def load(self) -> float:
        """The share of its places that is taken; 1 where nothing is known."""
        return self.taken_count / self.place_count if self.place_count else 1.0


def preference(standing: Standing, places: Places, draw: Callable[[], float]) -> tuple[bool, bool, float, float]:
    """Sorts thinkers: the least loaded first, those that leave or do not answer last; by lot where that is the same.

    Only an order: whether it takes the session says each thinker itself, so what is old here costs a question and puts
    no session at a wrong place. Several gateways that see the same numbers must not all run to the same thinker.
    """
    is_leaving = standing.pod_uid in places.leaving_pod_uids or standing.performer_group in places.leaving_groups
    return is_leaving, not standing.is_answering, standing.load, draw()
