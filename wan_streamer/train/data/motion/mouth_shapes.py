"""Mouth shapes in ARKit's words, and which of them each phone passes through."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Shape = Mapping[str, float]


def _both(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


REST: Final = "rest"
PARTED: Final = "parted"
# Lips that touch each other or the teeth: a fast speaker must still reach them.
CLOSURES: Final = ("bilabial", "labiodental")

# Two phones that look alike share a shape.
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        REST: {},
        PARTED: {"jawOpen": 0.07, **_both("mouthLowerDown", 0.06)},
        "open": {"jawOpen": 0.50, **_both("mouthLowerDown", 0.25), **_both("mouthUpperUp", 0.12)},
        "half_open": {"jawOpen": 0.36, **_both("mouthLowerDown", 0.22), **_both("mouthUpperUp", 0.10)},
        "wide": {
            "jawOpen": 0.20,
            **_both("mouthStretch", 0.28),
            **_both("mouthSmile", 0.25),
            **_both("mouthLowerDown", 0.22),
        },
        "wide_open": {
            "jawOpen": 0.40,
            **_both("mouthStretch", 0.20),
            **_both("mouthLowerDown", 0.28),
            **_both("mouthUpperUp", 0.15),
        },
        "round_open": {"jawOpen": 0.40, "mouthFunnel": 0.45, "mouthPucker": 0.12},
        "round": {"jawOpen": 0.16, "mouthPucker": 0.75, "mouthFunnel": 0.30},
        "round_narrow": {"jawOpen": 0.10, "mouthPucker": 0.85, "mouthFunnel": 0.15},
        "bilabial": {"jawOpen": 0.05, "mouthClose": 0.06, **_both("mouthPress", 0.30)},
        "labiodental": {"jawOpen": 0.08, "mouthRollLower": 0.50, **_both("mouthUpperUp", 0.20)},
        "dental": {"jawOpen": 0.16, "tongueOut": 0.25, **_both("mouthLowerDown", 0.20)},
        "alveolar": {"jawOpen": 0.14, **_both("mouthLowerDown", 0.20), **_both("mouthStretch", 0.10)},
        "sibilant": {
            "jawOpen": 0.07,
            **_both("mouthStretch", 0.20),
            **_both("mouthLowerDown", 0.30),
            **_both("mouthUpperUp", 0.12),
        },
        "postalveolar": {"jawOpen": 0.10, "mouthFunnel": 0.55, "mouthPucker": 0.15},
        "velar": {"jawOpen": 0.20, **_both("mouthLowerDown", 0.12)},
        "rhotic": {"jawOpen": 0.17, "mouthPucker": 0.35, "mouthFunnel": 0.25},
    }
)

_SINGLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        REST: "SIL +SPN+ +NSN+",
        "open": "AA",
        "half_open": "AH",
        "wide": "IH IY Y",
        "wide_open": "AE EH",
        "round_open": "AO",
        "round": "UH",
        "round_narrow": "UW W",
        "bilabial": "B M P",
        "labiodental": "F V",
        "dental": "TH DH",
        "alveolar": "D L N T",
        "sibilant": "S Z",
        "postalveolar": "CH JH SH ZH",
        "velar": "G HH K NG",
        "rhotic": "ER R",
    }
)
# ARPAbet phone -> the shapes it passes through; a diphthong passes through two.
PHONE_SHAPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{phone: (shape,) for shape, phones in _SINGLE.items() for phone in phones.split()},
        "AW": ("open", "round"),
        "AY": ("open", "wide"),
        "EY": ("wide_open", "wide"),
        "OW": ("round_open", "round"),
        "OY": ("round_open", "wide"),
    }
)
