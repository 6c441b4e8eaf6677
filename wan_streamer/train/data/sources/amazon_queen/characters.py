"""Who is who: the game names one character differently in its objects, its drawn actors and its files.

Read from the texts once. Two prisoners share actors and files, so they count as one speaker.
"""

import re
from typing import Final

HERO: Final = "JOE"

# Names of drawn actors (without the room's prefix and the view's suffix) and of conversations that are not the
# character's own name.
CHARACTERS: Final = {
    "AMGUARD": "AMAZON GUARD",
    "AND": "ANDERSON",
    "ANDSON": "ANDERSON",
    "APE": "GORILLA",
    "AZURA OBJ": "AZURA",
    "BEDRAGGLED PRISONER": "PRISONERS",
    "BOB": "TRADER BOB",
    "DEATH": "FERRYMAN",
    "DOG": "GUARD DOG",
    "JIM": "JIMMY",
    "JOE KING": HERO,
    "JOHAN": "JOHN",
    "LARIS": "BELLBOY",
    "LOLA_SHOWER": "LOLA",
    "LOLA_STAND": "LOLA",
    "LOU": "SKIP",
    "MAN": "PRISONERS",
    "MIKE": "BELLBOY",
    "ORACLE": "GUARDIAN",
    "PRIN": "AZURA",
    "PRINCESS": "AZURA",
    "PRINCESS AZURA": "AZURA",
    "SEC": "SECRETARY",
    "SHOWERAM": "SHOWERING AMAZON",
    "SKULL": "AMAZON GUARD",
    "TALLPYG": "TALL PYGMY",
    "TAM": "MARY-LOU",
    "TAMMY": "MARY-LOU",
    "TIRED PRISONER": "PRISONERS",
    "WEDGE": "WEDGEWOOD",
    "WITCH": "WITCH DOCTOR",
    "ZOMBIE": "ZOMBIE WOMAN",
}
_ROOM_PREFIX: Final = re.compile(r"^X\d+_")
_VIEW_SUFFIX: Final = re.compile(r"(?:-[A-Z]|\d+)$")


def character(name: str) -> str:
    """The one name of whom the game calls so; numbers, rooms and views do not count."""
    bare = _VIEW_SUFFIX.sub("", _ROOM_PREFIX.sub("", name))
    return CHARACTERS.get(bare, bare)


def character_of(object_name: str, actors: frozenset[str]) -> str:
    """Who speaks for an object, given the actors that can be drawn in its place; "" when it may be one of several.

    Objects are reused as places for persons ("telephone"), so the actor counts more than the object's name.
    """
    candidates = {character(actor) for actor in actors}
    named = character(object_name)
    if named in candidates:
        return named
    return candidates.pop() if len(candidates) == 1 else ""
