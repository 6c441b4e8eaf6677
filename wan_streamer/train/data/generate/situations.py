"""What can happen in a conversation, one function a situation; each leaves the visitor there and the agent silent."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from wan_streamer.train.data.events import ActionName, AgentTurn, Interruption, Moment, SoundName, words_of
from wan_streamer.train.data.generate.composer import Composer
from wan_streamer.train.data.generate.mixing import Range

# Words of an answer after a backchannel or cough, so that it has ended before the visitor speaks again.
REST_WORD_COUNT: Final = 8
LONG_ANSWER_WORD_COUNT: Final = 12

_QUIET_FOR_MS: Final = Range(least=1000, most=3000)
_BODY_SOUNDS: Final[tuple[SoundName, ...]] = ("cough", "sneeze", "laugh")
_ROOM_SOUNDS: Final[tuple[SoundName, ...]] = ("door", "phone", "footsteps")


def question(composer: Composer) -> None:
    composer.ask_and_answer()


def hesitation(composer: Composer) -> None:
    begins = composer.later(composer.timing.question_after_ms)
    composer.answer(composer.ask_hesitating(begins))


def follow_up(composer: Composer) -> None:
    topic = composer.topic(lambda intent: bool(intent.follow_ups), "an intent with follow_ups")
    asked = composer.ask(topic, composer.later(composer.timing.question_after_ms))
    composer.answer(asked)
    for _ in range(composer.random.choice((1, 1, 2))):
        begins = composer.later(composer.timing.question_after_ms)
        asked = composer.ask(composer.random.choice(topic.follow_ups), begins, before=asked)
        composer.answer(asked)


def repeat_request(composer: Composer) -> None:
    asked, _ = composer.ask_and_answer()
    topic = composer.topic(lambda intent: intent.repeats, "an intent with `repeats: true`")
    again = composer.ask(topic, composer.later(composer.timing.question_after_ms), before=asked)
    composer.answer(again)


def out_of_domain(composer: Composer) -> None:
    begins = composer.later(composer.timing.question_after_ms)
    composer.answer(composer.ask(composer.book.domain.out_of_domain, begins))


def early_question(composer: Composer) -> None:
    _, answer = composer.ask_and_answer(min_word_count=4)
    overlap_ms = composer.draw_ms(composer.timing.early_question_ms)
    begins = Moment(of=answer.id, edge="end", offset_ms=-overlap_ms)
    composer.answer(composer.ask(composer.ordinary_topic(), begins))


def interruption_question(composer: Composer) -> None:
    asked, answer = composer.ask_and_answer(min_word_count=LONG_ANSWER_WORD_COUNT)
    topic = composer.topic(
        lambda intent: not (intent.repeats or intent.interrupts) and intent.name != asked.intent.name, "a second intent"
    )
    begins, interruption = _interrupt(composer, answer)
    composer.answer(composer.ask(topic, begins, interrupts=interruption))


def interruption_follow_up(composer: Composer) -> None:
    topic = composer.topic(
        lambda intent: bool(intent.follow_ups) and _is_long(intent.answers),
        "an intent with follow_ups and long answers",
    )
    asked = composer.ask(topic, composer.later(composer.timing.question_after_ms))
    answer = composer.answer(asked)
    begins, interruption = _interrupt(composer, answer)
    composer.answer(
        composer.ask(composer.random.choice(topic.follow_ups), begins, before=asked, interrupts=interruption)
    )


def interruption_stop(composer: Composer) -> None:
    _, answer = composer.ask_and_answer(min_word_count=LONG_ANSWER_WORD_COUNT)
    topic = composer.topic(lambda intent: intent.interrupts, "an intent with `interrupts: true`")
    begins, interruption = _interrupt(composer, answer)
    composer.answer(composer.ask(topic, begins, interrupts=interruption))


def backchannel(composer: Composer) -> None:
    _, answer = composer.ask_and_answer(min_word_count=LONG_ANSWER_WORD_COUNT)
    last = len(words_of(answer.text)) - REST_WORD_COUNT
    places = range(composer.random.randint(2, min(last, REST_WORD_COUNT)), last + 1, REST_WORD_COUNT)
    for word_index in places[: composer.random.randint(1, 3)]:
        composer.murmur(answer, word_index)


def cough_in_answer(composer: Composer) -> None:
    _, answer = composer.ask_and_answer(min_word_count=LONG_ANSWER_WORD_COUNT)
    word_index = composer.random.randint(1, len(words_of(answer.text)) - REST_WORD_COUNT)
    composer.sound(composer.random.choice(_BODY_SOUNDS), Moment(of=answer.id, word_index=word_index), by_visitor=True)


def cough_in_idle(composer: Composer) -> None:
    _sound_in_idle(composer, composer.random.choice(_BODY_SOUNDS), by_visitor=True)


def noise_burst(composer: Composer) -> None:
    _sound_in_idle(composer, composer.random.choice(_ROOM_SOUNDS), by_visitor=False)


def side_talk(composer: Composer) -> None:
    composer.talk_aside()
    composer.silence(composer.later(Range(least=0, most=500)), _QUIET_FOR_MS)


def idle(composer: Composer) -> None:
    composer.silence(composer.later(Range(least=0, most=500)), composer.timing.idle_ms)


def wave(composer: Composer) -> None:
    _show(composer, "wave")


def show_ticket(composer: Composer) -> None:
    _show(composer, "show_ticket")


def show_card(composer: Composer) -> None:
    _show(composer, "show_card")


def show_object(composer: Composer) -> None:
    _show(composer, "show_object")


def new_visitor(composer: Composer) -> None:
    if composer.visitor:
        _leave(composer)
    composer.visitor = composer.add_visitor(is_there_at_start=False)
    _walk_up(composer, "arrive")


def come_back(composer: Composer) -> None:
    _leave(composer)
    _walk_up(composer, "come_back")


SITUATIONS: Final[Mapping[str, Callable[[Composer], None]]] = MappingProxyType(
    {
        situation.__name__: situation
        for situation in (
            question,
            hesitation,
            follow_up,
            repeat_request,
            out_of_domain,
            early_question,
            interruption_question,
            interruption_follow_up,
            interruption_stop,
            backchannel,
            cough_in_answer,
            cough_in_idle,
            noise_burst,
            side_talk,
            idle,
            wave,
            show_ticket,
            show_card,
            show_object,
            new_visitor,
            come_back,
        )
    }
)


def _interrupt(composer: Composer, answer: AgentTurn) -> tuple[Moment, Interruption]:
    """At a word that is neither the first two nor the last two."""
    word_index = composer.random.randint(2, len(words_of(answer.text)) - 3)
    yields_after_ms = composer.draw_ms(composer.timing.yield_after_ms)
    return Moment(of=answer.id, word_index=word_index), Interruption(turn=answer.id, yields_after_ms=yields_after_ms)


def _is_long(answers: tuple[str, ...]) -> bool:
    return all(len(words_of(answer)) >= LONG_ANSWER_WORD_COUNT for answer in answers)


def _sound_in_idle(composer: Composer, sound: SoundName, *, by_visitor: bool) -> None:
    event = composer.sound(sound, composer.later(_QUIET_FOR_MS), by_visitor=by_visitor)
    composer.after = Moment(of=event.id, edge="end")
    composer.silence(composer.later(Range(least=0, most=500)), _QUIET_FOR_MS)


def _show(composer: Composer, event: ActionName) -> None:
    reaction = composer.random.choice([found for found in composer.book.domain.reactions if found.event == event])
    begins = composer.later(composer.timing.question_after_ms)
    action = composer.act(event, begins, composer.timing.gesture_ms, reaction.item)
    speaks = Moment(of=action.id, offset_ms=composer.draw_ms(composer.timing.react_after_ms))
    composer.react(action, reaction, speaks)
    if event == "wave":
        _maybe_smile(composer, speaks)


def _leave(composer: Composer) -> None:
    composer.act("leave", composer.later(composer.timing.question_after_ms), composer.timing.walk_ms)
    composer.silence(composer.after, composer.timing.away_ms)


def _walk_up(composer: Composer, event: ActionName) -> None:
    reaction = composer.random.choice([found for found in composer.book.domain.reactions if found.event == event])
    action = composer.act(event, composer.later(Range(least=500, most=1500)), composer.timing.walk_ms)
    speaks = Moment(of=action.id, edge="end", offset_ms=composer.draw_ms(composer.timing.greet_after_ms))
    composer.react(action, reaction, speaks)
    _maybe_smile(composer, speaks)


def _maybe_smile(composer: Composer, at: Moment) -> None:
    if composer.random.random() < composer.mixing.smile:
        composer.smile(at)
