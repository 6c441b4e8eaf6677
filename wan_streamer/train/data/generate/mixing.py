"""How often each thing happens in drawn scripts; `wan-streamer data script --stats` counts what was drawn."""

from dataclasses import dataclass, field, fields

from wan_streamer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class SituationShares:
    """Share of each situation among all situations; they sum to 1.

    Raises:
        InvalidInput: a negative share, or another sum.
    """

    question: float = 0.14
    """A question and its answer."""
    hesitation: float = 0.07
    """The visitor pauses inside the question; the agent waits for the end."""
    follow_up: float = 0.10
    """A question, then one or two that need the turn before."""
    repeat_request: float = 0.04
    """A question, then a request to say the answer again."""
    out_of_domain: float = 0.06
    """A question that the agent cannot answer: it says so."""
    early_question: float = 0.05
    """The next question begins before the agent has quite ended: an overlap, no interruption."""
    interruption_question: float = 0.08
    """Another question at a word of the answer: the agent yields and answers it."""
    interruption_follow_up: float = 0.04
    """A follow-up at a word of the answer."""
    interruption_stop: float = 0.03
    """"Stop", at a word of the answer."""
    backchannel: float = 0.07
    """One to three backchannels during the answer: the agent goes on."""
    cough_in_answer: float = 0.03
    """A cough, sneeze or laugh during the answer: the agent goes on."""
    cough_in_idle: float = 0.02
    """The same while nobody speaks: the agent keeps quiet."""
    noise_burst: float = 0.03
    """A door, a phone, footsteps while nobody speaks: the agent keeps quiet."""
    side_talk: float = 0.06
    """Two visitors talk to each other: the agent keeps quiet."""
    idle: float = 0.03
    """Nobody does anything for a while."""
    wave: float = 0.03
    """The visitor waves: the agent speaks first."""
    show_ticket: float = 0.02
    show_card: float = 0.02
    show_object: float = 0.02
    new_visitor: float = 0.03
    """Somebody new arrives (the one before leaves first): the agent speaks first."""
    come_back: float = 0.03
    """The visitor leaves and comes back: the agent is quiet in between and speaks first then."""

    def __post_init__(self) -> None:
        shares = self.by_name()
        if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise InvalidInput(
                f"got situation shares with the sum {sum(shares.values()):.6g}, expected none below 0 and the sum 1",
                reason="MIXING",
            )

    def by_name(self) -> dict[str, float]:
        """Share of each situation."""
        return {item.name: float(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Range:
    """A whole number from `least` to `most`, all with equal chances."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not self.least <= self.most:
            raise InvalidInput(f"got the range {self.least} to {self.most}, expected least <= most", reason="MIXING")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take and how far apart they are.

    The agent's delays are the ground truth of when it should speak. A hesitation may last longer than the agent's
    delay: words and voice tell that the turn is not over, not silence alone.
    """

    answer_after_ms: Range = Range(least=800, most=1100)
    """From the end of a question to the agent's answer."""
    react_after_ms: Range = Range(least=500, most=1100)
    """From the begin of a wave or of showing something to the agent's words."""
    greet_after_ms: Range = Range(least=200, most=700)
    """From the end of walking up to the agent's words."""
    yield_after_ms: Range = Range(least=160, most=400)
    """How long the agent still speaks into an interruption."""
    question_after_ms: Range = Range(least=600, most=2500)
    """From the agent's end to what the visitor says next."""
    early_question_ms: Range = Range(least=80, most=400)
    """Overlap of an early question."""
    hesitation_ms: Range = Range(least=300, most=1000)
    side_talk_gap_ms: Range = Range(least=-200, most=600)
    """Between two visitors' lines; negative is overlap."""
    agent_pause_ms: Range = Range(least=150, most=500)
    idle_ms: Range = Range(least=3000, most=12000)
    away_ms: Range = Range(least=2000, most=8000)
    walk_ms: Range = Range(least=1200, most=2500)
    gesture_ms: Range = Range(least=800, most=1400)
    """Waving and showing something: over before the agent has answered, so that the visitor's hands are free again."""


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """All mixing rules.

    Raises:
        InvalidInput: a share that is not within 0 to 1.
    """

    situations: SituationShares = SituationShares()
    timing: Timing = Timing()
    situation_count: Range = Range(least=1, most=4)
    """Situations in a script."""
    noise_bed: float = field(default=0.4, metadata={"of": "scripts"})
    """Scripts with background noise."""
    bystander: float = field(default=0.15, metadata={"of": "scripts"})
    """Scripts with a second visitor who is there and silent, of those in which no two visitors talk."""
    nod: float = field(default=0.6, metadata={"of": "turns to the agent"})
    """Turns to the agent that it nods to."""
    smile: float = field(default=0.5, metadata={"of": "greetings"})
    """Greetings (after a wave, arriving, coming back) with a smile."""
    agent_pause: float = field(default=0.15, metadata={"of": "agent turns of two sentences or more"})
    """Agent turns of two sentences or more with a pause between two of them."""
    handwritten: float = field(default=0.5, metadata={"of": "questions"})
    """Questions from hand-written phrasings where the grammar has sentences too."""
    max_answer_variant_count: int = 0
    """Only the first so many wordings of an answer are said; 0 is all of them."""
    noise_snr_db: Range = Range(least=5, most=30)

    def __post_init__(self) -> None:
        for name in ("noise_bed", "bystander", "nod", "smile", "agent_pause", "handwritten"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"got {name}={getattr(self, name)}, expected 0 to 1", reason="MIXING")
        if self.situation_count.least < 1 or self.max_answer_variant_count < 0:
            raise InvalidInput("got a script without situations or less than 0 answers, expected more", reason="MIXING")
