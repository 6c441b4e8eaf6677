"""The game's objects and actors (`QUEEN.JAS`) and their strings (`QUEEN2.JAS`)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.amazon_queen.words import BigEndian

HEADER_BYTES: Final = 20
OBJECTS_START: Final = 8
OBJECT_NUMBERS: Final = 8
PERSON_IMAGES: Final = (-3, -4)
VERB_COUNT: Final = 12
RESPONSE_COUNT: Final = 40
VERSION: Final = b"CEM10"
_ACTOR_COUNTS: Final = struct.Struct(">4H")
_ACTOR: Final = struct.Struct(">12h")
_FRAME_BYTES: Final = 6


@dataclass(frozen=True)
class GameObject:
    """A thing or a person in a room; `name` and `description` are numbers of strings."""

    name: int
    description: int
    room: int
    image: int


@dataclass(frozen=True)
class Game:
    """Objects count from 1, as in the game. `actors` are those that can stand at a place (room, number in the room)."""

    objects: tuple[GameObject, ...]
    descriptions: tuple[str, ...]
    names: tuple[str, ...]
    responses: tuple[str, ...]
    actors: Mapping[tuple[int, int], frozenset[str]]

    def is_person(self, number: int) -> bool:
        """Whether this object is drawn as an actor at the game's start."""
        return self.objects[number - 1].image in PERSON_IMAGES

    def object_name(self, number: int) -> str:
        """As the player reads it, in capitals; "OBJECT 17" for one without a name."""
        name = abs(self.objects[number - 1].name)
        return self.names[name - 1].upper() if name else f"OBJECT {number}"

    def actors_of(self, number: int) -> frozenset[str]:
        """Who may be drawn for this person, depending on what has happened in the game."""
        room = self.objects[number - 1].room
        persons = [index for index, thing in enumerate(self.objects, start=1) if thing.room == room]
        place = sum(self.is_person(index) for index in persons if index <= number)
        return self.actors.get((room, place), frozenset())

    def remarks(self) -> list[tuple[int, str]]:
        """What the hero says about things, with the numbers that its sounds have."""
        return list(enumerate((*self.responses, *self.descriptions), start=1))


def read_game(jas: bytes, jas2: bytes) -> Game:
    """Reads the two files.

    Raises:
        InvalidInput: one of them is truncated or of another version of the game.
    """
    data = jas[HEADER_BYTES:]
    file = BigEndian(data, "QUEEN.JAS")
    room_count, name_count, object_count, description_count = file.numbers(0, 4)
    objects = []
    for index in range(object_count):
        numbers = file.numbers(OBJECTS_START + 2 * OBJECT_NUMBERS * index, OBJECT_NUMBERS)
        objects.append(GameObject(numbers[0], numbers[3], numbers[5], numbers[7]))
    strings = jas2.decode("cp437").split("\r\n")
    first_response = description_count + name_count + room_count + VERB_COUNT
    behind_responses = first_response + RESPONSE_COUNT
    if len(strings) < behind_responses:
        raise InvalidInput(
            f"got {len(strings)} strings in QUEEN2.JAS, expected {behind_responses} or more", reason="QUEEN"
        )
    return Game(
        tuple(objects),
        tuple(strings[:description_count]),
        tuple(strings[description_count : description_count + name_count]),
        tuple(strings[first_response:behind_responses]),
        _read_actors(data, strings[behind_responses:]),
    )


def _read_actors(data: bytes, strings: list[str]) -> dict[tuple[int, int], frozenset[str]]:
    """The table of actors. Tables of unknown length lie before it, so it is found from its end.

    It counts itself and its strings, and behind it come only frames (counted too) and the version of the file.
    """
    end = data.rfind(VERSION)
    for start in range(end - _ACTOR_COUNTS.size, 0, -2):
        count, animation_count, actor_name_count, file_count = _ACTOR_COUNTS.unpack_from(data, start)
        frames = start + _ACTOR_COUNTS.size + count * _ACTOR.size
        if not count or frames + 2 > end or animation_count + actor_name_count + file_count + 1 != len(strings):
            continue
        if frames + 2 + _FRAME_BYTES * max(1, int.from_bytes(data[frames : frames + 2], "big")) == end:
            names = strings[animation_count : animation_count + actor_name_count]
            return _actors_by_place(data[start + _ACTOR_COUNTS.size : frames], names)
    raise InvalidInput("got QUEEN.JAS without a table of actors, expected the English game with speech", reason="QUEEN")


def _actors_by_place(table: bytes, names: list[str]) -> dict[tuple[int, int], frozenset[str]]:
    places: dict[tuple[int, int], set[str]] = {}
    for room, place, name, *_ in _ACTOR.iter_unpack(table):
        places.setdefault((room, place), set()).add(names[name - 1])
    return {place: frozenset(found) for place, found in places.items()}
