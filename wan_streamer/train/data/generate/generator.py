"""Draws scripts without end."""

from collections.abc import Collection, Iterator
from itertools import count
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import NoiseBed, NoiseName
from wan_streamer.train.data.generate.cast import Cast
from wan_streamer.train.data.generate.composer import Composer
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.situations import SITUATIONS
from wan_streamer.train.data.generate.splits import SplitChoice, family_of, split_of_family
from wan_streamer.train.data.script import Script

NOISES: Final[tuple[NoiseName, ...]] = ("babble", "street", "hum", "music", "rain")
_TRIES: Final = 10_000


class ScriptGenerator:
    """Script number `script_index` of a seed is always the same, and needs no other to be drawn first.

    Args:
        situations: every script has one of these, where any are named.

    Raises:
        InvalidInput: there is no such situation.
    """

    def __init__(
        self,
        book: PhraseBook,
        cast: Cast,
        *,
        mixing: Mixing | None = None,
        splits: SplitChoice | None = None,
        situations: Collection[str] = (),
    ) -> None:
        self.book = book
        self.cast = cast
        self.mixing = mixing or Mixing()
        self.splits = splits or SplitChoice()
        self._shares = self.mixing.situations.by_name()
        assert self._shares.keys() == SITUATIONS.keys()
        self._wanted = set(situations)
        if unknown := self._wanted - SITUATIONS.keys():
            raise InvalidInput(
                f"got situations {', '.join(sorted(unknown))}, expected some of {', '.join(SITUATIONS)}",
                reason="SITUATION",
            )

    def script(self, seed: int, script_index: int) -> Script:
        """One script.

        Raises:
            InvalidInput: the domain lacks what the mixing asks for.
        """
        random = Random(f"{seed}/{script_index}")  # noqa: S311  - draws data, no secrets
        situations = self._situations(random)
        composer = Composer(random=random, book=self.book, cast=self.cast, mixing=self.mixing, splits=self.splits)
        if situations[0] != "new_visitor":
            composer.visitor = composer.add_visitor(is_there_at_start=True)
        if "side_talk" in situations or random.random() < self.mixing.bystander:
            composer.bystander = composer.add_visitor(is_there_at_start=True)
        for situation in situations:
            SITUATIONS[situation](composer)
        if random.random() < self.mixing.noise_bed:
            composer.events.insert(0, self._noise(random))
        return Script(
            name=f"{self.book.domain.name}-{seed}-{script_index:06d}",
            domain=self.book.domain.name,
            family=family_of(situations),
            visitors=tuple(composer.visitors),
            events=tuple(composer.events),
            situations=situations,
            tail_ms=random.randint(500, 2000),
        )

    def scripts(self, seed: int, script_count: int | None = None) -> Iterator[Script]:
        """The scripts of a seed from number 0; without end when no count is given."""
        for script_index in count() if script_count is None else range(script_count):
            yield self.script(seed, script_index)

    def _noise(self, random: Random) -> NoiseBed:
        snr_db = random.randint(self.mixing.noise_snr_db.least, self.mixing.noise_snr_db.most)
        return NoiseBed(id="noise-1", noise=random.choice(NOISES), snr_db=float(snr_db))

    def _situations(self, random: Random) -> tuple[str, ...]:
        names, weights = list(self._shares), list(self._shares.values())
        for _ in range(_TRIES):
            situation_count = random.randint(self.mixing.situation_count.least, self.mixing.situation_count.most)
            situations = tuple(random.choices(names, weights, k=situation_count))
            of_split = split_of_family(family_of(situations)) == self.splits.families
            if of_split and (not self._wanted or self._wanted.intersection(situations)):
                return situations
        raise InvalidInput(
            f"got no family of the split {self.splits.families!r} from these shares and situations, expected some; a "
            "family of one situation is always for training: allow more situations",
            reason="MIXING",
        )
