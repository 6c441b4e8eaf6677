"""The acted dialogue: a data file made here, read as the game would."""

from pathlib import Path

import pytest

from tests.support import queen_game
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.amazon_queen.archive import read_archive
from wan_streamer.train.data.sources.amazon_queen.characters import character, character_of
from wan_streamer.train.data.sources.amazon_queen.cutaway import cutaway_lines
from wan_streamer.train.data.sources.amazon_queen.game import read_game
from wan_streamer.train.data.sources.amazon_queen.sounds import Sound, read_sounds
from wan_streamer.train.data.sources.amazon_queen.words import Line


def written(tmp_path: Path, files: dict[str, bytes], compression: int = 1) -> Path:
    path = tmp_path / "queen.1c"
    path.write_bytes(queen_game.archive(files, compression=compression))
    return path


def test_every_sound_has_its_text_speaker_and_dialogue(tmp_path: Path) -> None:
    """Scene, conversation and remark give exactly the sounds that exist, with the actor's name, not the object's."""
    sounds = read_sounds(read_archive(written(tmp_path, queen_game.tiny_game())))
    assert sounds == [
        Sound("070001P1.SB", "Go away!", "TRADER BOB", "BOB1.DOG"),
        Sound("070006J1.SB", "What is it?", "JOE", "BOB1.DOG"),
        Sound("07SSSSJ1.SB", "Hi Bob.", "JOE", "BOB1.DOG"),
        Sound("07XXXXP1.SB", "You again.", "TRADER BOB", "BOB1.DOG"),
        Sound("C1A__011.SB", "Hello there.", "JOE", "C1A.CUT"),
        Sound("C1A__012.SB", "How are you?", "JOE", "C1A.CUT"),
        Sound("C1A__031.SB", "I am fine.", "FAYE", "C1A.CUT"),
        Sound("C1A__041.SB", "Telephones talk.", "TRADER BOB", "C1A.CUT"),
        Sound("C1A__051.SB", "Far away...", "", "C1A.CUT"),
        Sound("JOE00011.SB", "I do not know", "JOE", "QUEEN2.JAS"),
        Sound("JOE00012.SB", "What is it?", "JOE", "QUEEN2.JAS"),
    ]


def test_commands_count_as_segments_and_are_not_said() -> None:
    """Gestures, turns and places are cut out, and the numbers of later sounds go on in hexadecimal."""
    line = Line("AB", "JOE", "*XY00(128,112)*FLWhat are you*02doing?*03" + "*14" * 6 + "Now.")
    assert list(line.segments()) == [("AB3.SB", "What are you"), ("AB4.SB", "doing?"), ("ABB.SB", "Now.")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("X2_JOE", "JOE"), ("FAYE-H", "FAYE"), ("SPARKY8", "SPARKY"), ("TAM1", "MARY-LOU"), ("PRINCESS2", "AZURA")],
)
def test_one_character_has_one_name(name: str, expected: str) -> None:
    """Rooms, views and numbers in a name make no other speaker."""
    assert character(name) == expected


def test_a_speaker_that_may_be_two_is_unknown() -> None:
    """With two possible actors the object's name decides, and if it is neither, nobody is named."""
    assert character_of("SPARKY", frozenset({"FRANK", "SPARKY-F"})) == "SPARKY"
    assert character_of("NOTE", frozenset({"FRANK", "ANDERSON"})) == ""
    assert character_of("NOTE", frozenset()) == ""


def test_a_scene_whose_actions_end_elsewhere_is_refused() -> None:
    """A wrong reading of a scene is found, because the file says where its actions end."""
    game = read_game(*queen_game.jas())
    scene = bytearray(queen_game.cutaway([queen_game.action(0)], ["Hello."]))
    scene[20 + 7] += 6
    with pytest.raises(InvalidInput, match=r"X\.CUT with actions that end at"):
        list(cutaway_lines(bytes(scene), "X.CUT", game))


@pytest.mark.parametrize("length", [3, 40, 400])
def test_a_truncated_data_file_is_refused(tmp_path: Path, length: int) -> None:
    """Cut in the header, in the table or inside a file: the error says what is wrong."""
    path = written(tmp_path, queen_game.tiny_game())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InvalidInput, match=r"expected|truncated"):
        read_archive(path)


def test_another_compression_is_refused(tmp_path: Path) -> None:
    """Only the edition with MP3 sounds can be read."""
    with pytest.raises(InvalidInput, match="compression 2"):
        read_archive(written(tmp_path, {"A": b"x"}, compression=2))
