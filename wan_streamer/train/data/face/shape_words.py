"""Which people and shapes are exported, in anny's words (each phenotype 0 to 1)."""

from collections.abc import Mapping
from typing import Final

NEUTRAL: Final = {
    "gender": 0.5, "age": 0.72, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.7, "cupsize": 0.4,
    "firmness": 0.5, "african": 1 / 3, "asian": 1 / 3, "caucasian": 1 / 3,
}  # fmt: skip
GENDERS: Final = {"man": 0.0, "woman": 1.0}
ORIGINS: Final = ("african", "asian", "caucasian")
AGES: Final = {"young": 2 / 3, "old": 1.0}
# Directions: name -> anny's own words for one unit of it.
PHENOTYPE_DIRECTIONS: Final = {
    "heavy": {"weight": 0.95}, "thin": {"weight": 0.1}, "muscular": {"muscle": 0.95},
}  # fmt: skip
LOCAL_DIRECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "wide-nose": ("nose-scale-horiz-incr",),
    "long-nose": ("nose-scale-vert-incr",),
    "big-nose": ("nose-volume-incr",),
    "nose-forward": ("nose-scale-depth-incr",),
    "hooked-nose": ("nose-curve-convex",),
    "nose-tip-up": ("nose-point-up",),
    "wide-mouth": ("mouth-scale-horiz-incr",),
    "full-lips": ("mouth-lowerlip-volume-incr", "mouth-upperlip-volume-incr"),
    "mouth-corners-up": ("mouth-angles-up",),
    "high-mouth": ("mouth-trans-up",),
    "wide-chin": ("chin-width-incr",),
    "long-chin": ("chin-height-incr",),
    "forward-chin": ("chin-prominent-incr",),
    "wide-jaw": ("chin-bones-incr",),
    "cheekbones": ("l-cheek-bones-incr", "r-cheek-bones-incr"),
    "full-cheeks": ("l-cheek-volume-incr", "r-cheek-volume-incr"),
    "wide-head": ("head-scale-horiz-incr",),
    "tall-head": ("head-scale-vert-incr",),
    "fat-head": ("head-fat-incr",),
    "high-forehead": ("forehead-scale-vert-incr",),
    "big-ears": ("l-ear-scale-incr", "r-ear-scale-incr"),
    "wing-ears": ("l-ear-wing-incr", "r-ear-wing-incr"),
    "wide-eyes-apart": ("l-eye-trans-out", "r-eye-trans-out"),
    "slanted-eyes": ("l-eye-corner2-up", "r-eye-corner2-up"),
    "big-eyes": ("l-eye-scale-incr", "r-eye-scale-incr"),
    "eye-bags": ("l-eye-bag-incr", "r-eye-bag-incr"),
    "thick-neck": ("measure-neck-circ-incr",),
    "broad-shoulders": ("measure-shoulder-dist-incr",),
}


def anchor_phenotypes() -> dict[str, dict[str, float]]:
    """The complete people: each gender, origin and age, "woman-asian-old"."""
    return {
        f"{gender}-{origin}-{age}": {
            **NEUTRAL,
            "gender": GENDERS[gender],
            "age": AGES[age],
            **{other: float(other == origin) for other in ORIGINS},
        }
        for gender in GENDERS
        for origin in ORIGINS
        for age in AGES
    }
