"""What a discovery knows about thinkers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A thinker that can be reached. Equal places are the same pod at the same address: names are used again."""

    address: str
    """host:port."""
    pod_uid: str = ""
    """Who must answer there; empty in a static list: whoever does."""
    server_name: str = ""
    """The name that its certificate must have; empty: the host of the address."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Everything known at one moment.

    Attributes:
        thinkers: in no order.
        leaving_pod_uids: of thinkers that end soon.
        leaving_groups: names of performer groups of which a pod ends soon.
        is_current: False while the API server does not answer: this is what was last known.
    """

    thinkers: Sequence[Place] = ()
    leaving_pod_uids: frozenset[str] = frozenset()
    leaving_groups: frozenset[str] = frozenset()
    is_current: bool = True
