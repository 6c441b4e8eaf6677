"""Figures become words, once for the voice and for the aligner."""

import pytest

from wan_streamer.train.data.events import words_of
from wan_streamer.train.data.voices.spelling import spoken_text, spoken_tokens


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("At 10:30, please.", "At ten thirty, please."),
        ("9:05 or 18:00?", "nine oh five or eighteen?"),
        ("5pm", "five p m"),
        ("The 3rd of 21 rooms", "The third of twenty-one rooms"),
        ("on the 20th", "on the twentieth"),
        ("€12.50 or 4€", "twelve euros fifty or four euros"),
        ("in 1889", "in eighteen eighty-nine"),
        ("1,250 people", "one thousand two hundred fifty people"),
        ("3.5 & 10%", "three point five and ten percent"),
        ("9-17", "nine to seventeen"),
        ("room 007", "room zero zero seven"),
        ("hall A4!", "hall A four!"),
        ("Café\N{RIGHT SINGLE QUOTATION MARK}s", "Cafe's"),
        ("no figures - at all.", "no figures - at all."),
    ],
)
def test_figures_are_spelled_out(written: str, said: str) -> None:
    """Each kind of figure is read as people read it; everything else stays."""
    assert spoken_text(written) == said


def test_tokens_are_those_of_the_spoken_text() -> None:
    """Word by word, the tokens are all words of the spoken text, in order; a bare dash has none."""
    text = "At 10:30 - see Bruno's long-necked 'twin', room B12."
    tokens = [token for word in words_of(text) for token in spoken_tokens(word)]
    assert tokens == ["At", "ten", "thirty", "see", "Bruno's", "long", "necked", "twin", "room", "B", "twelve"]
    assert spoken_tokens("-") == ()
