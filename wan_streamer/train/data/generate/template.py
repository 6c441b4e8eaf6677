"""Sentences with choices: `{rule or slot}`, `[maybe]`, `(one|or|another)`. See `domains/README.md`.

A template makes **patterns**: sentences in which the slots still stand as `{slot}`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Final

from wan_streamer.errors import InvalidInput

MAX_PATTERN_COUNT: Final = 20_000
START_RULE: Final = "start"
SLOT_REFERENCE: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?:\.([a-z][a-z0-9_]*))?\}")

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_SPACES: Final = re.compile(r"\s+")
_SPACE_BEFORE_SIGN: Final = re.compile(r"\s+([.,;:?!])")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """`{name}`."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several sequences; `[x]` is a choice between x and nothing."""

    alternatives: tuple["Sequence", ...]


Sequence = tuple["str | Reference | Choice", ...]


class Grammar:
    """Rules and slots that templates may use.

    Args:
        rules: rule name -> its alternatives, as written.
        slots: names of the slots.

    Raises:
        InvalidInput: a template is malformed; a name is unknown, both rule and slot, or uses itself.
    """

    def __init__(self, rules: Mapping[str, tuple[str, ...]], slots: Collection[str]) -> None:
        self._slots = frozenset(slots)
        for name in rules:
            if name in self._slots:
                raise _wrong(f"the rule {name!r}, which is a slot too", "a name of its own")
            if not rules[name]:
                raise _wrong(f"the rule {name!r} without alternatives", "at least one")
        self._rules = {name: tuple(parse(text) for text in texts) for name, texts in rules.items()}
        self._counts: dict[str, int] = {}
        for name in rules:
            self._count_rule(name, ())

    def frame(self, text: str) -> Sequence:
        """A template that is ready to be drawn from.

        Raises:
            InvalidInput: it is malformed, uses an unknown name, or makes more than MAX_PATTERN_COUNT patterns.
        """
        sequence = parse(text)
        count = self._count(sequence, ())
        if count > MAX_PATTERN_COUNT:
            raise _wrong(f"{text!r}, which makes {count} sentences", f"at most {MAX_PATTERN_COUNT}; make two of it")
        return sequence

    def patterns(self, sequence: Sequence) -> Iterator[str]:
        """All patterns of a template, tidied; some may be there twice."""
        return (tidy(text) for text in self._expand(sequence))

    def draw(self, sequence: Sequence, random: Random) -> str:
        """One pattern, every choice with equal chances."""
        return tidy(self._draw(sequence, random))

    def _expand(self, sequence: Sequence) -> Iterator[str]:
        parts = [list(self._expand_part(part)) for part in sequence]
        return ("".join(combination) for combination in product(*parts))

    def _expand_part(self, part: str | Reference | Choice) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Reference) and part.name not in self._rules:
            yield f"{{{part.name}}}"
        else:
            for alternative in self._alternatives(part):
                yield from self._expand(alternative)

    def _draw(self, sequence: Sequence, random: Random) -> str:
        parts = []
        for part in sequence:
            if isinstance(part, str):
                parts.append(part)
            elif isinstance(part, Reference) and part.name not in self._rules:
                parts.append(f"{{{part.name}}}")
            else:
                parts.append(self._draw(random.choice(self._alternatives(part)), random))
        return "".join(parts)

    def _alternatives(self, part: Reference | Choice) -> tuple[Sequence, ...]:
        return self._rules[part.name] if isinstance(part, Reference) else part.alternatives

    def _count(self, sequence: Sequence, open_rules: tuple[str, ...]) -> int:
        count = 1
        for part in sequence:
            if isinstance(part, Choice):
                count *= sum(self._count(alternative, open_rules) for alternative in part.alternatives)
            elif isinstance(part, Reference):
                count *= self._count_rule(part.name, open_rules)
        return count

    def _count_rule(self, name: str, open_rules: tuple[str, ...]) -> int:
        if name in self._slots:
            return 1
        if name not in self._rules:
            known = ", ".join(sorted({*self._rules, *self._slots}))
            raise _wrong(f"{{{name}}}", f"a rule or a slot: {known or 'there are none'}")
        if name in open_rules:
            raise _wrong(f"rules that use themselves ({' -> '.join((*open_rules, name))})", "rules that end")
        if name not in self._counts:
            self._counts[name] = sum(self._count(alternative, (*open_rules, name)) for alternative in self._rules[name])
        return self._counts[name]


def parse(text: str) -> Sequence:
    """Reads a template.

    Raises:
        InvalidInput: a bracket that is not closed, or closed without being open.
    """
    sequence, position = _parse_sequence(text, 0, "")
    if position < len(text):
        raise _wrong(f"{text[position]!r} at sign {position + 1} of {text!r}, which nothing opens", "pairs of brackets")
    return sequence


def tidy(text: str) -> str:
    """Single spaces, none before punctuation, a capital at the beginning."""
    text = _SPACE_BEFORE_SIGN.sub(r"\1", _SPACES.sub(" ", text).strip())
    return text[:1].upper() + text[1:]


def _parse_sequence(text: str, position: int, stops: str) -> tuple[Sequence, int]:
    parts: list[str | Reference | Choice] = []
    literal = ""
    while position < len(text) and text[position] not in "])|}":
        sign = text[position]
        if sign not in "{[(":
            literal += sign
            position += 1
            continue
        if literal:
            parts.append(literal)
            literal = ""
        part, position = _parse_bracket(text, position)
        parts.append(part)
    if position < len(text) and text[position] not in stops:
        raise _wrong(f"{text[position]!r} at sign {position + 1} of {text!r}", "it only inside its own brackets")
    if literal:
        parts.append(literal)
    return tuple(parts), position


def _parse_bracket(text: str, position: int) -> tuple[Reference | Choice, int]:
    sign = text[position]
    if sign == "{":
        end = text.find("}", position)
        name = text[position + 1 : end] if end > 0 else ""
        if not _NAME.fullmatch(name):
            raise _wrong(f"{text[position:]!r} in {text!r}", "{name} of small letters, digits and _")
        return Reference(name=name), end + 1
    close, stops = ("]", "]") if sign == "[" else (")", "|)")
    alternatives: list[Sequence] = [()] if sign == "[" else []
    while True:
        alternative, position = _parse_sequence(text, position + 1, stops)
        alternatives.append(alternative)
        if position >= len(text):
            raise _wrong(f"{text!r} with an open {sign}", f"a {close}")
        if text[position] == close:
            return Choice(alternatives=tuple(alternatives)), position + 1


def _wrong(got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"got {got}, expected {expected}", reason="TEMPLATE")
