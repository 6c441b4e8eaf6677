"""Figures as words, so that every voice and the aligner agree on what is said."""

import re
import unicodedata
from typing import Final

from wan_streamer.train.data.events import words_of

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES: Final = ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_COINS: Final = {"€": "euros", "$": "dollars", "£": "pounds"}
_SIGNS: Final = {"&": "and", "+": "plus", "%": "percent", "=": "equals", "@": "at"}
_STRAIGHT: Final = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
    }
)
_MOST: Final = 999_999_999
_YEARS: Final = (*range(1100, 2000), *range(2010, 2100))
_CORE: Final = re.compile(r"[0-9A-Za-z€$£&+%=@].*[0-9A-Za-z€$£&+%=@']|[0-9A-Za-z€$£&+%=@]")
_TOKEN: Final = re.compile(r"[A-Za-z']*[A-Za-z][A-Za-z']*")


def spoken_text(text: str) -> str:
    """A text as a voice should read it: figures and signs as words, punctuation as it was."""
    return " ".join(_spoken(word) for word in words_of(_plain(text)))


def spoken_tokens(word: str) -> tuple[str, ...]:
    """What is said for one word of a text, as dictionary entries in their own case; () for a bare dash."""
    tokens = _TOKEN.findall(_spoken(_plain(word)))
    return tuple(token.strip("'") if token.strip("'") else token for token in tokens)


def _plain(text: str) -> str:
    """Without accents, with straight apostrophes."""
    straight = text.translate(_STRAIGHT)
    return "".join(sign for sign in unicodedata.normalize("NFKD", straight) if not unicodedata.combining(sign))


def _spoken(word: str) -> str:
    core = _CORE.search(word)
    if core is None or not re.search(r"[0-9€$£&+%=@]", word):
        return word
    return word[: core.start()] + _read(core.group()) + word[core.end() :]


def _read(core: str) -> str:
    """The word without the punctuation around it."""
    if money := re.fullmatch(r"([€$£])([\d,]+)(?:\.(\d\d))?", core) or re.fullmatch(r"()([\d,]+)([€$£])", core):
        coin, whole, rest = money.groups()
        cents = f" {_number(rest)}" if coin and rest and int(rest) else ""
        return f"{_number(whole)} {_COINS[coin or rest]}{cents}"
    if time := re.fullmatch(r"(\d{1,2}):(\d\d)([ap]m)?", core):
        return _time(*time.groups())
    if figures := re.fullmatch(r"(\d{1,2})([ap])m", core):
        return f"{_number(figures[1])} {figures[2]} m"
    if ordinal := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", core):
        return _ordinal(_number(ordinal[1]))
    if span := re.fullmatch(r"(\d+)-(\d+)", core):
        return f"{_number(span[1])} to {_number(span[2])}"
    if decimal := re.fullmatch(r"([\d,]+)\.(\d+)", core):
        return f"{_number(decimal[1])} point {' '.join(_ONES[int(digit)] for digit in decimal[2])}"
    parts = re.findall(r"\d[\d,]*|[A-Za-z']+|[€$£&+%=@]|[^\w]", core)
    return re.sub(r" +", " ", " ".join(_part(part) for part in parts)).strip()


def _part(part: str) -> str:
    if part[0].isdigit():
        return _number(part)
    return _COINS.get(part) or _SIGNS.get(part) or part


def _time(hours: str, minutes: str, half: str | None) -> str:
    said = _number(hours)
    if int(minutes):
        said += f" oh {_ONES[int(minutes)]}" if int(minutes) < 10 else f" {_number(minutes)}"
    return f"{said} {half[0]} m" if half else said


def _ordinal(number: str) -> str:
    head, last = re.fullmatch(r"(.*?)([a-z]+)", number).groups()  # type: ignore[union-attr]
    if last in _ORDINALS:
        return f"{head}{_ORDINALS[last]}"
    return f"{head}{last[:-1]}ieth" if last.endswith("y") else f"{head}{last}th"


def _number(figures: str) -> str:
    digits = figures.replace(",", "")
    value = int(digits)
    if value > _MOST or (digits.startswith("0") and len(digits) > 1 and value):
        return " ".join(_ONES[int(digit)] for digit in digits)
    if digits == figures and value in _YEARS and value % 100:
        low = f"oh {_ONES[value % 100]}" if value % 100 < 10 else _below_hundred(value % 100)
        return f"{_below_hundred(value // 100)} {low}"
    return _integer(value)


def _integer(value: int) -> str:
    if value < 100:
        return _below_hundred(value)
    scale, name = next((scale, name) for scale, name in _SCALES if value >= scale)
    rest = f" {_integer(value % scale)}" if value % scale else ""
    return f"{_integer(value // scale)} {name}{rest}"


def _below_hundred(value: int) -> str:
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")
