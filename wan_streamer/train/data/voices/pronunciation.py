"""How a word sounds that no dictionary has, in ARPAbet."""
# ruff: noqa: RUF001  - the letters of the phonetic alphabet are meant

from collections.abc import Callable
from typing import Final

from wan_streamer.errors import InvalidInput

# Word -> phones in the alphabet of the misaki grapheme-to-phoneme converter.
Phonemize = Callable[[str], str]

# Two signs that are one phone come first.
_PHONES: Final = {
    "ɜɹ": "ER", "əɹ": "ER", "ɜː": "ER", "tʃ": "CH", "dʒ": "JH",
    "A": "EY", "I": "AY", "W": "AW", "Y": "OY", "O": "OW", "Q": "OW",
    "i": "IY", "u": "UW", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "ɛ": "EH", "e": "EH", "ɜ": "ER", "ɪ": "IH", "ᵻ": "IH",
    "ʊ": "UH", "ʌ": "AH", "ə": "AH", "ᵊ": "AH", "æ": "AE", "a": "AE", "ɚ": "ER", "o": "OW",
    "b": "B", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N", "p": "P", "s": "S",
    "t": "T", "v": "V", "w": "W", "z": "Z", "ɡ": "G", "g": "G", "ŋ": "NG", "ɹ": "R", "r": "R", "ʃ": "SH", "ʒ": "ZH",
    "ð": "DH", "θ": "TH", "ʤ": "JH", "ʧ": "CH", "T": "T", "ɾ": "T", "ʔ": "T", "x": "K",
}  # fmt: skip


def arpabet(phonemes: str) -> tuple[str, ...]:
    """Phones without stress; signs that are no phone (stress, length, spaces) are passed over."""
    phones = []
    position = 0
    while position < len(phonemes):
        pair = phonemes[position : position + 2]
        width = 2 if pair in _PHONES else 1
        phone = _PHONES.get(pair[:width])
        if phone is not None:
            phones.append(phone)
        position += width
    return tuple(phones)


def misaki_phonemes() -> Phonemize:
    """The converter that comes with the agent's voice.

    Raises:
        InvalidInput: hibari-tts is not installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise InvalidInput(
            "got no hibari-tts, expected it to pronounce words; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    voice = Hibari()
    return lambda text: " ".join(voice.phonemize(text))
