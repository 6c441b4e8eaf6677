"""What the faces of the cast look like: a pure function of the name."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from wan_streamer.train.data.face.identity import Clothes, Colour, Hair, HairStyle, Identity, Outfit

Gender = Literal["woman", "man"]

ORIGIN_SHARES: Final = {"african": 0.28, "asian": 0.30, "caucasian": 0.42}
# Linear colours between which a skin of an origin lies.
SKINS: Final[Mapping[str, tuple[Colour, Colour]]] = MappingProxyType(
    {
        "african": ((0.060, 0.030, 0.019), (0.230, 0.115, 0.068)),
        "asian": ((0.330, 0.185, 0.110), (0.560, 0.360, 0.245)),
        "caucasian": ((0.430, 0.245, 0.165), (0.620, 0.400, 0.310)),
    }
)
BLACK: Final = (0.010, 0.008, 0.007)
DARK_BROWN: Final = (0.026, 0.014, 0.008)
HAIRS: Final[Mapping[str, Sequence[Colour]]] = MappingProxyType(
    {
        "african": (BLACK, (0.014, 0.010, 0.008), DARK_BROWN),
        "asian": (BLACK, (0.014, 0.011, 0.010), DARK_BROWN),
        "caucasian": (
            BLACK, DARK_BROWN, (0.062, 0.030, 0.014), (0.14, 0.072, 0.030), (0.36, 0.235, 0.105), (0.17, 0.050, 0.016),
        ),
    }
)  # fmt: skip
DYED: Final[Sequence[Colour]] = ((0.24, 0.020, 0.060), (0.025, 0.075, 0.24), (0.46, 0.34, 0.19))
DYED_SHARE: Final = 0.06
GREY: Final = (0.30, 0.29, 0.28)
WHITE: Final = (0.58, 0.57, 0.55)
IRISES: Final[Mapping[str, Sequence[Colour]]] = MappingProxyType(
    {
        "african": ((0.040, 0.020, 0.010), (0.070, 0.036, 0.016)),
        "asian": ((0.040, 0.020, 0.010), (0.075, 0.040, 0.018)),
        "caucasian": ((0.080, 0.042, 0.018), (0.10, 0.17, 0.26), (0.10, 0.14, 0.08), (0.16, 0.17, 0.18)),
    }
)
# Style: share among women, men. Those of afro hold for the african origin only.
STYLES: Final[Mapping[HairStyle, tuple[float, float]]] = MappingProxyType(
    {
        "bald": (0.0, 0.08), "buzz": (0.02, 0.20), "short": (0.13, 0.32), "quiff": (0.03, 0.22), "tied": (0.20, 0.02),
        "bob": (0.24, 0.02), "shoulder": (0.22, 0.07), "long": (0.16, 0.02), "afro": (0.6, 0.35),
    }
)  # fmt: skip
AGE_SHARES: Final = (0.58, 0.27, 0.15)
AGES: Final = ((0.0, 0.25), (0.3, 0.62), (0.7, 1.0))
SHAPE_SPREAD: Final = 0.38
SHAPE_LIMIT: Final = 0.85
# Directions that only look well within less, and those that are not drawn freely.
TIMID: Final[Mapping[str, float]] = MappingProxyType(
    {"big-eyes": 0.4, "full-lips": 0.6, "wing-ears": 0.5, "eye-bags": 0.4}
)
SHAPES: Final = (
    "wide-nose", "long-nose", "big-nose", "nose-forward", "hooked-nose", "nose-tip-up", "wide-mouth", "full-lips",
    "mouth-corners-up", "high-mouth", "wide-chin", "long-chin", "forward-chin", "wide-jaw", "cheekbones", "full-cheeks",
    "wide-head", "tall-head", "fat-head", "high-forehead", "big-ears", "wing-ears", "wide-eyes-apart", "slanted-eyes",
    "eye-bags", "big-eyes", "thick-neck", "broad-shoulders",
)  # fmt: skip
OUTFITS: Final[Sequence[Outfit]] = ("sweater", "shirt", "jacket")
GLASSES_SHARE: Final = 0.25
FRAMES: Final[Sequence[Colour]] = (BLACK, (0.10, 0.035, 0.012), (0.35, 0.30, 0.24), (0.02, 0.03, 0.12))


def visitor_identity(name: str) -> Identity:
    """Who has this name in the cast; the same for ever."""
    seed = int.from_bytes(hashlib.sha256(f"visitor face {name}".encode()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    gender: Gender = "woman" if random.random() < 0.5 else "man"
    origin = str(random.choice(list(ORIGIN_SHARES), p=list(ORIGIN_SHARES.values())))
    low, high = AGES[int(random.choice(3, p=AGE_SHARES))]
    age = float(random.uniform(low, high))
    origins = _origins(origin, random)
    skin = _skin(origins, random)
    hair = _hair(gender, origin, age, random)
    beard = float(random.uniform(0.15, 1.0)) if gender == "man" and random.random() < 0.4 else 0.0
    return Identity(
        name=name,
        anchors=_anchors(gender, origins, age, random),
        directions=_directions(gender, age, random),
        skin=skin,
        iris=_chosen(IRISES[origin], random),
        lips=_lips(skin),
        lip_strength=float(random.uniform(0.5, 0.9) if gender == "woman" else random.uniform(0.30, 0.5)),
        hair=hair,
        brow_colour=_scaled(hair.colour, 0.55) if hair.style != "bald" else DARK_BROWN,
        brow_thickness=float(random.uniform(0.8, 1.15) if gender == "woman" else random.uniform(1.1, 1.6)),
        lashes=float(random.uniform(0.6, 1.0) if gender == "woman" else random.uniform(0.1, 0.35)),
        beard=beard,
        age_lines=age,
        clothes=_clothes(gender, random),
        glasses=_chosen(FRAMES, random) if random.random() < GLASSES_SHARE else None,
    )


def _origins(origin: str, random: np.random.Generator) -> dict[str, float]:
    rest = random.uniform(0.0, 0.30) * random.dirichlet(np.ones(len(ORIGIN_SHARES)))
    weights = {name: float(part) for name, part in zip(ORIGIN_SHARES, rest, strict=True)}
    weights[origin] += 1 - float(rest.sum())
    return weights


def _anchors(gender: Gender, origins: Mapping[str, float], age: float, random: np.random.Generator) -> dict[str, float]:
    other = float(random.uniform(0.0, 0.22))
    genders = {gender: 1 - other, "man" if gender == "woman" else "woman": other}
    old = 0.85 * age
    ages = {"young": 1 - old, "old": old}
    return {
        f"{who}-{origin}-{years}": genders[who] * origins[origin] * ages[years]
        for who in genders
        for origin in origins
        for years in ages
    }


def _directions(gender: Gender, age: float, random: np.random.Generator) -> dict[str, float]:
    drawn = np.clip(random.normal(0, SHAPE_SPREAD, len(SHAPES)), -SHAPE_LIMIT, SHAPE_LIMIT)
    weights = {name: float(value) * TIMID.get(name, 1.0) for name, value in zip(SHAPES, drawn, strict=True)}
    weight = float(random.normal(0.05 + 0.2 * age, 0.35))
    weights["heavy" if weight > 0 else "thin"] = min(abs(weight), 0.9)
    if gender == "man":
        weights["muscular"] = float(random.uniform(0, 0.5))
    return weights


def _skin(origins: Mapping[str, float], random: np.random.Generator) -> Colour:
    share = float(random.random())
    mixed = sum(
        weight * (np.array(SKINS[name][0]) * (1 - share) + np.array(SKINS[name][1]) * share)
        for name, weight in origins.items()
    )
    red, green, blue = (float(value) for value in np.asarray(mixed) * random.uniform(0.95, 1.05, 3))
    return red, green, blue


def _lips(skin: Colour) -> Colour:
    red, green, blue = skin
    return 0.82 * red + 0.06, 0.42 * green, 0.46 * blue


def _hair(gender: Gender, origin: str, age: float, random: np.random.Generator) -> Hair:
    shares = {name: pair[0 if gender == "woman" else 1] for name, pair in STYLES.items()}
    if origin != "african":
        shares["afro"] = 0.0
    shares["bald"] *= 1 + 2 * age
    total = sum(shares.values())
    style = list(STYLES)[int(random.choice(len(STYLES), p=[share / total for share in shares.values()]))]
    colour = _chosen(DYED if random.random() < DYED_SHARE else HAIRS[origin], random)
    grey = float(np.clip(2.2 * (age - 0.45) + random.normal(0, 0.15), 0, 1))
    turned_grey = WHITE if random.random() < 0.35 else GREY
    return Hair(
        style=style,
        colour=_mixed(colour, turned_grey, grey),
        part_x_m=float(random.choice((-1, 1)) * random.uniform(0.0, 0.035)),
        line_up_m=float(random.uniform(0, 0.024) if gender == "man" else random.uniform(-0.002, 0.006)),
        volume=float(random.uniform(0.8, 1.25)),
    )


def _clothes(gender: Gender, random: np.random.Generator) -> Clothes:
    outfit = OUTFITS[int(random.integers(len(OUTFITS)))]
    return Clothes(
        outfit=outfit,
        colour=_cloth_colour(random),
        inner_colour=_scaled((0.75, 0.75, 0.74), 1.0) if random.random() < 0.6 else _cloth_colour(random),
        collar_down_m=float(random.uniform(0.0, 0.02 if gender == "woman" else 0.008)),
    )


def _cloth_colour(random: np.random.Generator) -> Colour:
    """Any hue; more often muted than loud."""
    from colorsys import hsv_to_rgb

    red, green, blue = hsv_to_rgb(random.random(), random.beta(1.6, 1.8) * 0.9, random.uniform(0.18, 0.85))
    return red**2.2, green**2.2, blue**2.2


def _chosen(colours: Sequence[Colour], random: np.random.Generator) -> Colour:
    return colours[int(random.integers(len(colours)))]


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a * (1 - share) + b * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (value * factor for value in colour)
    return red, green, blue
