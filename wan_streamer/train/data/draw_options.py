"""Options of every command that draws scripts."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.generate.cast import Cast, default_cast
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.splits import Split, SplitChoice
from wan_streamer.train.data.voices.names import MORE_VOICES, parse_voice


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """Which scripts to draw."""

    seed: int = 0
    """The same seed draws the same scripts."""
    count: int = 1
    """How many."""
    domain: Annotated[Path, arg(metavar="FOLDER")] = DEFAULT_DOMAIN
    """Folder of the domain, see wan_streamer/train/data/domains/README.md."""
    split: Split = "train"
    """From which split to draw voices, faces, phrasings and families."""
    voices: Split | None = None
    """Another split for the voices."""
    faces: Split | None = None
    """Another split for the faces."""
    phrasings: Split | None = None
    """Another split for the phrasings."""
    families: Split | None = None
    """Another split for the script families."""
    wordings: int = 0
    """Only the first so many wordings of each answer; 0 is all. Fewer are learned sooner."""

    situations: tuple[str, ...] = ()
    """Only scripts with at least one of these situations (docs/scripts.md), for what is rare: wave show_ticket ..."""

    engines: tuple[str, ...] = ()
    """Only voices of these synthesisers (espeak flite piper kokoro): the last two take a second a sentence."""

    more_voices: bool = False
    """Besides a hundred voices of eSpeak's and sixty mixtures of Kokoro's, for training alone."""

    def split_choice(self) -> SplitChoice:
        """The split of each axis."""
        return SplitChoice(
            voices=self.voices or self.split,
            faces=self.faces or self.split,
            phrasings=self.phrasings or self.split,
            families=self.families or self.split,
        )

    @cached_property
    def book(self) -> PhraseBook:
        """What can be said.

        Raises:
            InvalidInput: the domain is missing or wrong.
        """
        return PhraseBook(read_domain(self.domain))

    @property
    def agent(self) -> Agent:
        """Who answers.

        Raises:
            InvalidInput: the domain is missing or wrong.
        """
        return self.book.domain.agent

    @property
    def cast(self) -> Cast:
        """Who can visit.

        Raises:
            InvalidInput: CAST, a split has no voice of the engines.
        """
        cast = replace(default_cast(), agent_voice=self.agent.voice)
        if self.more_voices:
            cast = replace(cast, training_voices=MORE_VOICES)
        if not self.engines:
            return cast
        return replace(cast, voices=tuple(voice for voice in cast.voices if parse_voice(voice).engine in self.engines))

    @property
    def mixing(self) -> Mixing:
        """The mixing rules."""
        return Mixing(max_answer_variant_count=self.wordings)

    def generator(self) -> ScriptGenerator:
        """Draws the scripts.

        Raises:
            InvalidInput: count is below 1, the domain is wrong, or there is no such situation.
        """
        if self.count < 1:
            raise InvalidInput(f"got --count {self.count}, expected 1 or more", reason="COUNT")
        return ScriptGenerator(
            self.book, self.cast, mixing=self.mixing, splits=self.split_choice(), situations=self.situations
        )
