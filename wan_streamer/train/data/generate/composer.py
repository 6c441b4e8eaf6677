"""Writes a script event by event; `situations.py` says which."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import (
    START,
    ActionName,
    AgentGesture,
    AgentTurn,
    AnyEvent,
    Backchannel,
    Interruption,
    Moment,
    Silence,
    Sound,
    SoundName,
    UserTurn,
    Visitor,
    VisitorAction,
    words_of,
)
from wan_streamer.train.data.generate.answers import Filled, draw_answer, draw_wording
from wan_streamer.train.data.generate.cast import Cast
from wan_streamer.train.data.generate.domain import Intent, Reaction
from wan_streamer.train.data.generate.mixing import Mixing, Range
from wan_streamer.train.data.generate.pauses import draw_agent_pauses, draw_hesitation
from wan_streamer.train.data.generate.phrase_book import PhraseBook, Question
from wan_streamer.train.data.generate.splits import SplitChoice, speaker_of

_TRIES: Final = 500
_HESITATION_WORD_COUNT: Final = 4
_OVERLAP_WORD_COUNT: Final = 4


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question that stands in the script; `filled` holds the slots of the turns before it too."""

    id: str
    intent: Intent
    filled: Filled


class Composer:
    """The script so far.

    Attributes:
        after: what the next situation hangs on: it begins after this moment.
        visitor: id of the visitor who talks to the agent; empty while nobody has come.
        bystander: id of a second visitor who stays all the time; empty without one.
        last_answer: id and text of what the agent said last.
    """

    def __init__(self, *, random: Random, book: PhraseBook, cast: Cast, mixing: Mixing, splits: SplitChoice) -> None:
        self.random, self.book, self.mixing, self.timing = random, book, mixing, mixing.timing
        self._splits = splits
        self._voices = list(cast.voices_of(splits.voices))
        self._faces = list(cast.faces_of(splits.faces))
        self.visitors: list[Visitor] = []
        self.events: list[AnyEvent] = []
        self.after = Moment(of=START)
        self.visitor = ""
        self.bystander = ""
        self.last_answer = ("", "")

    def draw_ms(self, wanted: Range) -> int:
        """A number of a range."""
        return self.random.randint(wanted.least, wanted.most)

    def later(self, wanted: Range) -> Moment:
        """A moment so much after `after`."""
        return replace(self.after, offset_ms=self.after.offset_ms + self.draw_ms(wanted))

    def add_visitor(self, *, is_there_at_start: bool) -> str:
        """A visitor with a speaker (all have equal chances) and a face that nobody else has, while there are any."""
        taken_speakers = {speaker_of(visitor.voice) for visitor in self.visitors}
        taken_faces = {visitor.face for visitor in self.visitors}
        voices = [voice for voice in self._voices if speaker_of(voice) not in taken_speakers] or self._voices
        speaker = self.random.choice(list(dict.fromkeys(map(speaker_of, voices))))
        faces = [face for face in self._faces if face not in taken_faces] or self._faces
        visitor = Visitor(
            id=f"visitor-{len(self.visitors) + 1}",
            voice=self.random.choice([voice for voice in voices if speaker_of(voice) == speaker]),
            face=self.random.choice(faces),
            is_there_at_start=is_there_at_start,
        )
        self.visitors.append(visitor)
        return visitor.id

    def topic(self, is_wanted: Callable[[Intent], bool], what: str) -> Intent:
        """An intent of a kind, all with equal chances.

        Raises:
            InvalidInput: the domain has none.
        """
        intents = [intent for intent in self.book.domain.intents if is_wanted(intent)]
        if not intents:
            raise InvalidInput(
                f"got the domain {self.book.domain.name!r} without {what}, which the mixing asks for; "
                "write one or set the share to 0",
                reason="MIXING",
            )
        return self.random.choice(intents)

    def ordinary_topic(self) -> Intent:
        """An intent that is neither a request to repeat nor to stop."""
        return self.topic(lambda intent: not (intent.repeats or intent.interrupts), "an intent")

    def ask(
        self,
        intent: Intent,
        begins: Moment,
        *,
        before: Asked | None = None,
        interrupts: Interruption | None = None,
    ) -> Asked:
        """The visitor says something to the agent; `before` is the turn without which it cannot be understood."""
        return self._say(self._draw(intent), begins, before=before, interrupts=interrupts)

    def ask_hesitating(self, begins: Moment) -> Asked:
        """The same, about anything, with a pause inside.

        Raises:
            InvalidInput: no question is long enough.
        """
        for _ in range(_TRIES):
            question = self._draw(self.ordinary_topic())
            if len(words_of(question.text)) >= _HESITATION_WORD_COUNT:
                return self._say(question, begins, hesitates=True)
        raise InvalidInput(f"got no question of {_HESITATION_WORD_COUNT} words, expected some", reason="MIXING")

    def _draw(self, intent: Intent) -> Question:
        return self.book.draw(intent, self._splits.phrasings, self.random, handwritten_share=self.mixing.handwritten)

    def _say(
        self,
        question: Question,
        begins: Moment,
        *,
        before: Asked | None = None,
        interrupts: Interruption | None = None,
        hesitates: bool = False,
    ) -> Asked:
        turn = UserTurn(
            id=self._new_id("user"),
            begins=begins,
            visitor=self.visitor,
            text=question.text,
            intent=str(question.intent.name),
            phrasing=str(question.phrasing),
            pauses=draw_hesitation(question.text, self.timing, self.random) if hesitates else (),
            interrupts=interrupts,
            needs=before.id if before is not None else None,
        )
        self.events.append(turn)
        if self.random.random() < self.mixing.nod:
            self._nod_to(turn)
        filled = {**(before.filled if before is not None else {}), **question.filled}
        return Asked(id=turn.id, intent=question.intent, filled=filled)

    def answer(self, asked: Asked, *, min_word_count: int = 1) -> AgentTurn:
        """The agent answers after the question's end; the next situation comes after it.

        Raises:
            InvalidInput: no answer has so many words.
        """
        text = ""
        for _ in range(_TRIES):
            text = draw_answer(
                asked.intent,
                asked.filled,
                self.random,
                last_answer=self.last_answer[1],
                max_variant_count=self.mixing.max_answer_variant_count,
            )
            if len(words_of(text)) >= min_word_count:
                break
        else:
            raise InvalidInput(f"got no answer of {min_word_count} words for {asked.intent.name!r}", reason="MIXING")
        begins = Moment(of=asked.id, edge="end", offset_ms=self.draw_ms(self.timing.answer_after_ms))
        return self._agent_turn(begins, text, str(asked.intent.name), asked.id)

    def ask_and_answer(self, *, min_word_count: int = 1) -> tuple[Asked, AgentTurn]:
        """A question and its answer, which has at least so many words.

        Raises:
            InvalidInput: the domain has no answer that is so long.
        """
        topics = [t for t in self.book.domain.intents if not (t.repeats or t.interrupts)]
        long_enough = [t for t in topics if all(len(words_of(answer)) >= min_word_count for answer in t.answers)]
        if not long_enough:
            raise InvalidInput(
                f"got no intent whose answers all have {min_word_count} words, expected some to interrupt",
                reason="MIXING",
            )
        asked = self.ask(self.random.choice(long_enough), self.later(self.timing.question_after_ms))
        return asked, self.answer(asked, min_word_count=min_word_count)

    def react(self, action: VisitorAction, reaction: Reaction, begins: Moment) -> AgentTurn:
        """The agent speaks first."""
        text = draw_wording(reaction.answers, self.random, self.mixing.max_answer_variant_count)
        return self._agent_turn(begins, text, reaction.intent, action.id)

    def act(self, action: ActionName, begins: Moment, duration: Range, item: str | None = None) -> VisitorAction:
        """The visitor does something; the next situation comes after it."""
        event = VisitorAction(
            id=self._new_id(action.replace("_", "-")),
            begins=begins,
            visitor=self.visitor,
            action=action,
            duration_ms=self.draw_ms(duration),
            item=item,
        )
        self.events.append(event)
        self.after = Moment(of=event.id, edge="end")
        return event

    def murmur(self, during: AgentTurn, word_index: int) -> None:
        """A backchannel at a word of the agent's turn."""
        text = str(self.random.choice(self.book.domain.backchannels))
        begins = Moment(of=during.id, word_index=word_index)
        self.events.append(
            Backchannel(
                id=self._new_id("backchannel"), begins=begins, visitor=self.visitor, text=text, during=during.id
            )
        )

    def sound(self, sound: SoundName, begins: Moment, *, by_visitor: bool) -> Sound:
        """A sound that is no speech."""
        event = Sound(
            id=self._new_id("sound"), begins=begins, sound=sound, visitor=self.visitor if by_visitor else None
        )
        self.events.append(event)
        return event

    def silence(self, begins: Moment, duration: Range) -> None:
        """Nobody makes a sound; the next situation comes after it."""
        event = Silence(id=self._new_id("silence"), begins=begins, duration_ms=self.draw_ms(duration))
        self.events.append(event)
        self.after = Moment(of=event.id, edge="end")

    def talk_aside(self) -> None:
        """The visitor and the bystander talk to each other; the next situation comes after it."""
        lines = self.random.choice(self.book.side_talk_in(self._splits.phrasings))
        speakers = [self.visitor, self.bystander]
        self.random.shuffle(speakers)
        begins = self.later(self.timing.question_after_ms)
        for line_index, line in enumerate(lines):
            if line_index and not all(
                len(words_of(text)) >= _OVERLAP_WORD_COUNT for text in lines[line_index - 1 :][:2]
            ):
                # a short line inside an overlap would let one speaker's lines collide
                begins = replace(begins, offset_ms=max(0, begins.offset_ms))
            speaker, hearer = speakers[line_index % 2], speakers[1 - line_index % 2]
            turn = UserTurn(
                id=self._new_id("aside"),
                begins=begins,
                visitor=speaker,
                text=str(line),
                intent="side_talk",
                phrasing=str(lines[0]),
                to=hearer,
            )
            self.events.append(turn)
            self.after = Moment(of=turn.id, edge="end")
            begins = self.later(self.timing.side_talk_gap_ms)

    def smile(self, at: Moment) -> None:
        """The agent smiles."""
        self.events.append(AgentGesture(id=self._new_id("smile"), begins=at, gesture="smile"))

    def _agent_turn(self, begins: Moment, text: str, intent: str, answers: str) -> AgentTurn:
        turn = AgentTurn(
            id=self._new_id("agent"),
            begins=begins,
            text=str(text),
            intent=intent,
            answers=answers,
            pauses=draw_agent_pauses(text, self.mixing, self.random),
        )
        self.events.append(turn)
        self.after = Moment(of=turn.id, edge="end")
        self.last_answer = (turn.id, text)
        return turn

    def _nod_to(self, turn: UserTurn) -> None:
        words = words_of(turn.text)
        phrase_ends = [index for index, word in enumerate(words) if word.endswith(",")] or [len(words) - 1]
        place = turn.pauses[0].after_word_index if turn.pauses else self.random.choice(phrase_ends)
        begins = Moment(of=turn.id, word_index=place, edge="end", offset_ms=self.random.randint(100, 300))
        self.events.append(AgentGesture(id=self._new_id("nod"), begins=begins, gesture="nod"))

    def _new_id(self, kind: str) -> str:
        count = sum(event.id.rpartition("-")[0] == kind for event in self.events)
        return f"{kind}-{count + 1}"
