"""A tiny game in the format of `queen.1c`: one scene, one conversation, one remark, three actors."""

import struct
from collections.abc import Sequence
from io import BytesIO

import av
import numpy as np

JAS_HEADER = b"\0" * 20
SAMPLE_RATE_HZ = 11_025


def mp3(seconds: float, frequency_hz: float) -> bytes:
    """A tone."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE_HZ)
        time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        tone = (8000 * np.sin(2 * np.pi * frequency_hz * time)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def numbers(*values: int) -> bytes:
    """Signed 16 bits each, big-endian."""
    return struct.pack(f">{len(values)}h", *values)


def string(text: str, align: int = 2) -> bytes:
    """A string with its length in front, padded so that the next offset is a multiple of `align` (if it is not empty).

    Right only where it starts at a multiple of `align`.
    """
    raw = bytes([len(text)]) + text.encode("ascii")
    return raw if not text else raw + b"\0" * (-len(raw) % align)


def archive(files: dict[str, bytes], *, compression: int = 1) -> bytes:
    """The data file with these files."""
    offset = 15 + 21 * len(files)
    table = b""
    for name, data in files.items():
        table += struct.pack(">12sBII", name.encode(), 1, offset, len(data))
        offset += len(data)
    return b"QTBLCEM10\0\0\0" + struct.pack(">BH", compression, len(files)) + table + b"".join(files.values())


def jas() -> tuple[bytes, bytes]:
    """One room with two persons: object 1 is "Faye", object 2 is called "telephone" but the actor BOB stands there.

    Object 3 is a thing. For object 1 two actors are possible.
    """
    objects = numbers(1, 0, 0, 1, 0, 1, 0, -3) + numbers(2, 0, 0, 1, 0, 1, 0, -4) + numbers(3, 0, 0, 1, 0, 1, 0, 5)
    head = numbers(1, 3, 3, 1) + objects
    other_tables = numbers(*range(40))
    actors = [(1, 1, 1), (1, 1, 2), (1, 2, 3)]
    rows = b"".join(numbers(room, place, name, *[0] * 9) for room, place, name in actors)
    table = numbers(len(actors), 2, 3, 1) + rows + numbers(1) + numbers(0, 0, 0)
    strings = ["Nice!*24", "Faye", "telephone", "lamp", "ROOM", *["verb"] * 12]
    strings += ["I do not know*03What is it?*24", *["No*24"] * 39]
    strings += ["001", "002", "FAYE", "GUARDS", "BOB", "faye.act", ""]
    return JAS_HEADER + head + other_tables + table + b"CEM10" + b"\0" * 9, "\r\n".join(strings).encode()


def action(actor: int, *, animation: int = 0, execute: int = 0, frames: int | None = None) -> bytes:
    """One action of a scene with one person switched on."""
    fields = [actor, 0, 0, 0, animation, execute, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 100]
    data = numbers(*fields) + numbers(1, 1)
    if frames is not None:
        data += b"".join(numbers(*range(10)) for _ in range(frames)) + numbers(-2)
    return data


def cutaway(actions: Sequence[bytes], texts: Sequence[str]) -> bytes:
    """A scene."""
    body = b"".join(actions)
    states = 12 + len(body) + 2
    text_start = states + 4
    strings = b"".join(string(text) for text in ["*FR ", *texts])
    head = numbers(0, len(actions), 0, states, text_start, text_start + len(strings))
    return b"\0" * 20 + head + body + numbers(0) + numbers(0, 0) + strings


def dialogue(key: int, hero: dict[int, str], person: dict[int, str], again: tuple[str, str]) -> bytes:
    """A conversation with one level of choices; number 0 of the hero is his greeting."""

    def answers(texts: dict[int, str], start: int) -> bytes:
        data = b""
        for number, text in texts.items():
            data += numbers(0, number)
            raw = bytes([len(text)]) + text.encode()
            end = (start + len(data) + len(raw) + 3) // 4 * 4
            data += raw + b"\0" * (end - start - len(data) - len(raw))
        return data

    hero_start = 32 + 96
    hero_data = answers(hero, hero_start)
    person_start = hero_start + len(hero_data)
    person_data = answers(person, person_start)
    again_start = person_start + len(person_data)
    head = numbers(1, 1, key, len(hero), len(person), *[0] * 6) + numbers(person_start, 0, again_start) + b"\0" * 4
    return b"\0" * 20 + head + b"\0" * 96 + hero_data + person_data + string(again[0]) + string(again[1])


def tiny_game() -> dict[str, bytes]:
    """Scene C1A, conversation BOB1 with key 7, one remark, a noise without text, and twice the same sound."""
    first, second = jas()
    scene = cutaway(
        [action(0), action(3, execute=1, frames=2), action(1), action(2), action(-2)],
        ["Hello there.*01How are you?*02", "*", "I am fine.*XY00(12,34)*FL", "Telephones talk.", "Far away..."],
    )
    talk = dialogue(7, {0: "Hi Bob.", 6: "What is it?*15"}, {1: "Go away!*00"}, ("You again.*00", "Hi again."))
    sounds = {
        name: mp3(0.3, 200 + 30 * index)
        for index, name in enumerate(
            ["C1A__011", "C1A__012", "C1A__031", "C1A__041", "C1A__051", "07SSSSJ1", "070006J1", "070001P1", "07XXXXP1"]
        )
    }
    sounds["JOE00011"] = mp3(0.5, 700)
    sounds["JOE00012"] = sounds["070006J1"]
    sounds["NOISE000"] = mp3(0.2, 100)
    files = {"QUEEN.JAS": first, "QUEEN2.JAS": second, "C1A.CUT": scene, "BOB1.DOG": talk}
    return files | {f"{name}.SB": data for name, data in sounds.items()}
