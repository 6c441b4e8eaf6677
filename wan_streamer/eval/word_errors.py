"""Word error rate: how many words must be changed, left out or put in to get what was said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WordErrors:
    """Errors of one text or of many together.

    Attributes:
        word_count: of the reference.
    """

    substituted: int
    deleted: int
    inserted: int
    word_count: int

    @property
    def rate(self) -> float:
        """Errors a reference word; may pass 1. Without a reference word: 0 when nothing was heard, else the count."""
        return (self.substituted + self.deleted + self.inserted) / max(1, self.word_count)


def count_word_errors(reference: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Errors on the cheapest way from `reference` to `heard` (Levenshtein over words).

    Of equally cheap ways it takes the one with the most substitutions, as sclite and jiwer do in nearly all cases; the
    rate is the same either way.
    """
    # costs[j]: (errors, inserted + deleted, substituted, deleted, inserted) from reference[:i] to heard[:j].
    costs = [(j, j, 0, 0, j) for j in range(len(heard) + 1)]
    for word in reference:
        above, costs = costs, [_step(costs[0], deleted=1)]
        for j, other in enumerate(heard):
            same = above[j] if word == other else _step(above[j], substituted=1)
            costs.append(min(same, _step(above[j + 1], deleted=1), _step(costs[j], inserted=1)))
    _, _, substituted, deleted, inserted = costs[-1]
    return WordErrors(substituted=substituted, deleted=deleted, inserted=inserted, word_count=len(reference))


def add_word_errors(errors: Iterable[WordErrors]) -> WordErrors:
    """Errors of many texts together, so that long ones count more."""
    found = list(errors)
    return WordErrors(
        substituted=sum(one.substituted for one in found),
        deleted=sum(one.deleted for one in found),
        inserted=sum(one.inserted for one in found),
        word_count=sum(one.word_count for one in found),
    )


Cost = tuple[int, int, int, int, int]


def _step(cost: Cost, *, substituted: int = 0, deleted: int = 0, inserted: int = 0) -> Cost:
    errors, gaps, before_substituted, before_deleted, before_inserted = cost
    return (
        errors + substituted + deleted + inserted,
        gaps + deleted + inserted,
        before_substituted + substituted,
        before_deleted + deleted,
        before_inserted + inserted,
    )
