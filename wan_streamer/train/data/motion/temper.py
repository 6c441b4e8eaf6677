"""What makes each visitor move in a way of their own."""

from dataclasses import dataclass

from wan_streamer.train.data.motion.chance import random_for


@dataclass(frozen=True, kw_only=True)
class Temper:
    """Habits of one visitor.

    Attributes:
        liveliness: how much head and body move, 1 is usual.
        articulation: how far the mouth opens.
        blinks_per_minute: people differ much in it.
        friendliness: weight of the resting smile; 0 is a plain face.
        nods: share of the agent's phrases that are answered with a nod.
        shyness: looks away, 1 is usual.
        head_share: how much of a look the head makes.
    """

    liveliness: float
    articulation: float
    blinks_per_minute: float
    friendliness: float
    nods: float
    shyness: float
    head_share: float


def draw_temper(seed: int, visitor_id: str) -> Temper:
    """The habits of a visitor."""
    random = random_for(seed, visitor_id, "temper")
    return Temper(
        liveliness=random.uniform(0.7, 1.4),
        articulation=random.uniform(0.9, 1.3),
        blinks_per_minute=random.uniform(11, 24),
        friendliness=random.uniform(0.0, 0.35),
        nods=random.uniform(0.1, 0.5),
        shyness=random.uniform(0.5, 1.8),
        head_share=random.uniform(0.4, 0.7),
    )
