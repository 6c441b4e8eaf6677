"""Lays one clip of speech on the clock: its pauses put in, its end cut off."""

from itertools import pairwise

from wan_streamer.train.data.events import Pause, Speech, words_of
from wan_streamer.train.data.timeline import Piece, Span, Spoken, SpokenWord, Utterance


class SpeechLayout:
    """A clip that begins at `begin_us`, with silence put in after some words.

    A pause is put half-way between two words, so that neither loses its edge.

    Attributes:
        words: begin and end of each word in the conversation.
        pieces: which part of the clip goes where.
        end_us: end of the clip in the conversation.
    """

    def __init__(self, spoken: Spoken, pauses: tuple[Pause, ...], begin_us: int) -> None:
        borders = [0, *(_border_us(spoken, pause) for pause in pauses), spoken.duration_us]
        self.pieces: list[Piece] = []
        shift_us = begin_us
        shift_after_word: dict[int, int] = {}
        for piece_index, (clip_begin_us, clip_end_us) in enumerate(pairwise(borders)):
            if piece_index:
                pause = pauses[piece_index - 1]
                shift_us += pause.duration_ms * 1000
                shift_after_word[pause.after_word_index] = shift_us
            self.pieces.append(
                Piece(clip_begin_us=clip_begin_us, clip_end_us=clip_end_us, at_us=clip_begin_us + shift_us)
            )
        self.words: list[Span] = []
        word_shift_us = begin_us
        for index, (word_begin_us, word_end_us) in enumerate(spoken.words):
            self.words.append(Span(begin_us=word_begin_us + word_shift_us, end_us=word_end_us + word_shift_us))
            word_shift_us = shift_after_word.get(index, word_shift_us)
        self.end_us = spoken.duration_us + shift_us

    def until(self, event: Speech, span: Span, *, is_cut: bool) -> Utterance:
        """What is heard of it when it is cut at the span's end."""
        words = tuple(
            SpokenWord(
                text=text,
                begin_us=word.begin_us,
                end_us=min(word.end_us, span.end_us),
                is_cut=word.end_us > span.end_us,
            )
            for text, word in zip(words_of(event.text), self.words, strict=True)
            if word.begin_us < span.end_us
        )
        pieces = tuple(_cut(piece, span.end_us) for piece in self.pieces if piece.at_us < span.end_us)
        return Utterance(
            event=event, begin_us=span.begin_us, end_us=span.end_us, words=words, pieces=pieces, is_cut=is_cut
        )


def _border_us(spoken: Spoken, pause: Pause) -> int:
    return (spoken.words[pause.after_word_index][1] + spoken.words[pause.after_word_index + 1][0]) // 2


def _cut(piece: Piece, end_us: int) -> Piece:
    length_us = min(piece.clip_end_us - piece.clip_begin_us, end_us - piece.at_us)
    return Piece(clip_begin_us=piece.clip_begin_us, clip_end_us=piece.clip_begin_us + length_us, at_us=piece.at_us)
