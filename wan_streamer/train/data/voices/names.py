"""Which voices there are, by name. `generate/cast.py` casts the visitors from them; the splits hash these names."""

from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput

AGENT_VOICE: Final = "hibari-heart"
# Clustergen and (kal16) diphone voices, recorded from people.
_FLITE: Final = ("awb", "rms", "slt", "kal16")
_PIPER: Final = ("joe",)
_KOKORO: Final = ("alpha", "gongitsune", "nezumi", "tebukuro", "kumo")
# Formant synthesis: each variant is a throat, with several accents. Of the 90 that there are, eight that a recogniser
# of words follows well: the visitors shall not sound like machines more often than like people.
_ESPEAK: Final = ("m1", "m2", "m6", "edward", "f1", "f2", "f4", "f5")
_ESPEAK_ACCENTS: Final = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")

USER_VOICES: Final = (
    *(f"flite-{speaker}" for speaker in _FLITE),
    *(f"piper-{speaker}" for speaker in _PIPER),
    *(f"kokoro-{speaker}" for speaker in _KOKORO),
    *(f"espeak-{speaker}@{accent}" for speaker in _ESPEAK for accent in _ESPEAK_ACCENTS),
)
# More throats and accents, for training alone (`--more-voices`): who is kept out of it does not depend on them.
_MORE_ESPEAK: Final = (
    *("f3", "Alicia", "Andrea", "Annie", "anika", "aunty", "belinda", "linda", "shelby", "steph", "steph2", "steph3"),
    *("m3", "m4", "m5", "m7", "m8", "Alex", "Andy", "Denis", "Gene", "Hugo", "Jacky", "Lee"),
    *("Mario", "Michael", "Mike"),
    *("adam", "benjamin", "boris", "caleb", "david", "ed", "ian", "iven", "john", "max", "norbert", "paul", "quincy"),
    *("rob", "robert", "travis", "victor", "zac", "klatt", "klatt2", "klatt3", "grandma", "grandpa"),
)
_MORE_ACCENTS: Final = (*_ESPEAK_ACCENTS, "en-gb-x-gbclan", "en-gb-x-gbcwmd")
# Speakers that nobody recorded: each mixes those of Kokoro's that are in training anyway (KOKORO_MIXED).
KOKORO_MIXED: Final = ("alpha", "kumo", "nezumi")
_MIXTURES: Final = 60

MORE_VOICES: Final = (
    *(
        f"espeak-{speaker}@{_MORE_ACCENTS[(number + turn) % len(_MORE_ACCENTS)]}"
        for number, speaker in enumerate(_MORE_ESPEAK)
        for turn in range(2)
    ),
    *(f"kokoro-mixture{number}" for number in range(_MIXTURES)),
)


@dataclass(frozen=True, kw_only=True)
class VoiceName:
    """`engine-speaker` or `engine-speaker@accent` taken apart; `accent` is "" where there is none."""

    engine: str
    speaker: str
    accent: str = ""


def parse_voice(voice: str) -> VoiceName:
    """The parts of a voice's name.

    Raises:
        InvalidInput: there is no such voice.
    """
    if voice != AGENT_VOICE and voice not in USER_VOICES + MORE_VOICES:
        raise InvalidInput(
            f"got the voice {voice!r}, expected one of {', '.join((AGENT_VOICE, *USER_VOICES))}", reason="VOICE"
        )
    engine, _, rest = voice.partition("-")
    speaker, _, accent = rest.partition("@")
    return VoiceName(engine=engine, speaker=speaker, accent=accent)
