"""Who the agent is, as `agent.yaml` of a domain's folder says: voice, face and place, or recordings of somebody."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.identity import Clothes, Colour, Hair, HairStyle, Identity, Outfit
from wan_streamer.train.data.face.scene import Place
from wan_streamer.train.data.voices.names import parse_voice
from wan_streamer.train.data.yaml_file import YamlValue, only_document, parse_documents

AgentPlace = Literal["desk", Place]

FILE_NAME: Final = "agent.yaml"
DEFAULT_FILE: Final = Path(__file__).parent / "domains" / "museum" / FILE_NAME
_HEX_DIGITS: Final = 6
# IEC 61966-2-1: from sRGB's bytes to linear light.
_LINEAR_BELOW, _SLOPE, _OFFSET, _GAMMA = 0.04045, 12.92, 0.055, 2.4

_T = TypeVar("_T", bound=str)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """An agent that is made.

    Attributes:
        voice: one of `voices/names.py`; no visitor has it then.
        face: who is seen.
        place: what is behind: the museum's desk, or a place of the visitors' kind, painted by `place_seed`.
    """

    voice: str
    face: Identity
    place: AgentPlace
    place_seed: int


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One agent.

    Attributes:
        looks: voice, face and place, or the folder of recordings (`recordings.py`).
        text: the file that says all this, with whole paths.
    """

    looks: Looks | Path
    text: str = field(repr=False)

    @property
    def voice(self) -> str | None:
        """The synthesised voice; None of somebody who was recorded."""
        return self.looks.voice if isinstance(self.looks, Looks) else None


def read_agent(path: Path) -> Agent:
    """Reads `agent.yaml`.

    Raises:
        InvalidInput: it is missing or not as `domains/README.md` describes it; the message names file and line.
    """
    try:
        return parse_agent(path.read_text("utf-8"), source=str(path), folder=path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read ({error}); check the path", reason="AGENT") from error


@cache
def default_agent() -> Agent:
    """The museum's."""
    return read_agent(DEFAULT_FILE)


def parse_agent(text: str, *, source: str, folder: Path = Path()) -> Agent:
    """The agent that a file's text describes; recordings lie relative to the folder.

    Raises:
        InvalidInput: it describes none; `source` and the line are named.
    """
    document = only_document(list(parse_documents(text, source=source)), source=source)
    if "clips" in document.mapping():
        clips = (folder / document.fields(required=("clips",))["clips"].text()).resolve()
        return Agent(looks=clips, text=f"clips: {json.dumps(str(clips))}\n")
    found = document.fields(required=("voice", "face", "place"), optional=("place_seed",))
    looks = Looks(
        voice=_voice(found["voice"]),
        face=_face(found["face"]),
        place=_one_of(found["place"], ("desk", *get_args(Place))),
        place_seed=found["place_seed"].whole_number() if "place_seed" in found else 0,
    )
    return Agent(looks=looks, text=text)


def _voice(value: YamlValue) -> str:
    try:
        parse_voice(value.text())
    except InvalidInput as error:
        raise InvalidInput(f"{value.where}: {error}", reason="AGENT") from error
    return value.text()


def _face(value: YamlValue) -> Identity:
    found = value.fields(
        required=("people", "skin", "eyes", "lips", "hair", "brows", "clothes"),
        optional=("shape", "lip_strength", "brow_thickness", "lashes", "beard", "age_lines", "glasses"),
    )
    people = {name: weight.number() for name, weight in found["people"].mapping().items()}
    if not people or abs(sum(people.values()) - 1) > 1e-3:
        raise found["people"].wrong("shares of people that add up to 1")
    hair = found["hair"].fields(required=("style", "colour"), optional=("part_x_m", "line_up_m", "volume"))
    clothes = found["clothes"].fields(required=("outfit", "colour"), optional=("inner_colour", "collar_down_m"))
    return Identity(
        name="agent",
        anchors=people,
        directions={name: weight.number() for name, weight in found["shape"].mapping().items()}
        if "shape" in found
        else {},
        skin=_colour(found["skin"]),
        iris=_colour(found["eyes"]),
        lips=_colour(found["lips"]),
        lip_strength=found["lip_strength"].number() if "lip_strength" in found else 0.5,
        hair=Hair(
            style=_one_of(hair["style"], get_args(HairStyle)),
            colour=_colour(hair["colour"]),
            **_given(hair, YamlValue.number, "part_x_m", "line_up_m", "volume"),
        ),
        brow_colour=_colour(found["brows"]),
        clothes=Clothes(
            outfit=_one_of(clothes["outfit"], get_args(Outfit)),
            colour=_colour(clothes["colour"]),
            **_given(clothes, _colour, "inner_colour"),
            **_given(clothes, YamlValue.number, "collar_down_m"),
        ),
        **_given(found, YamlValue.number, "brow_thickness", "lashes", "beard", "age_lines"),
        **_given(found, _colour, "glasses"),
    )


def _given(found: dict[str, YamlValue], read: Callable[[YamlValue], object], *names: str) -> dict[str, Any]:
    """What the file says of these; the others keep their defaults."""
    return {name: read(found[name]) for name in names if name in found}


def _one_of(value: YamlValue, known: tuple[_T, ...]) -> _T:
    for name in known:
        if value.value == name:
            return name
    raise value.wrong(f"one of {', '.join(known)}")


def _colour(value: YamlValue) -> Colour:
    """Linear light of "#rrggbb"."""
    text = value.text('a colour like "#c8a08a"')
    digits = text.removeprefix("#")
    try:
        if len(digits) != _HEX_DIGITS or digits == text:
            raise ValueError
        red, green, blue = (_linear(byte / 255) for byte in bytes.fromhex(digits))
    except ValueError:
        raise value.wrong('a colour like "#c8a08a"') from None
    return red, green, blue


def _linear(level: float) -> float:
    return level / _SLOPE if level <= _LINEAR_BELOW else ((level + _OFFSET) / (1 + _OFFSET)) ** _GAMMA
