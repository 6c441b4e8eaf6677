"""A conversation as a row of a Parquet table, and back.

Columns: name, split choice, unit_count; script (YAML) and durations (JSON), from which every time follows; user_audio
and agent_audio (Opus in Ogg); agent_curves and visitor_curves (see `curves.py`); and, for whoever reads the table with
other tools, the labels of the units as a list of structs.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ, Conversation
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.script_yaml import from_yaml, to_yaml
from wan_streamer.train.data.store.opus import decode_opus, encode_opus
from wan_streamer.train.data.timeline import Durations, Spoken, UnitLabel
from wan_streamer.unit import samples_per_unit

# The agent's voice is what is learned. The visitors' sound is kept small, 15 MB an hour in all, and the ear spells it
# worse for that (docs/data.md): what is to be heard as a client sends it takes more.
AGENT_BIT_RATE: Final = 24_000
USER_BIT_RATE: Final = 12_000

_NAMES: Final = pa.list_(pa.string())
_LABEL: Final = pa.struct(
    [
        ("unit_index", pa.int32()),
        ("agent", pa.string()),
        ("agent_words", _NAMES),
        ("user_speaks", pa.bool_()),
        ("side_talk", pa.bool_()),
        ("voices", _NAMES),
        ("intent", pa.string()),
        ("interruption", pa.bool_()),
        ("backchannel", pa.bool_()),
        ("sound", pa.string()),
        ("noise", pa.string()),
        ("event", pa.string()),
        ("present", _NAMES),
    ]
)
assert [field.name for field in _LABEL] == [field.name for field in dataclasses.fields(UnitLabel)]
SCHEMA: Final = pa.schema(
    [
        ("name", pa.string()),
        ("family", pa.string()),
        ("unit_count", pa.int32()),
        ("script", pa.string()),
        ("durations", pa.string()),
        ("scene_seed", pa.int64()),
        ("camera_lag_frames", pa.int32()),
        ("user_audio", pa.binary()),
        ("agent_audio", pa.binary()),
        ("agent_curves", pa.binary()),
        ("visitor_curves", pa.list_(pa.struct([("visitor", pa.string()), ("curves", pa.binary())]))),
        ("units", pa.list_(_LABEL)),
    ]
)


def as_kept(user_audio: NDArray[np.float32], bit_rate: int = USER_BIT_RATE) -> NDArray[np.float32]:
    """What the microphone heard, as a data set gives it back."""
    return decode_opus(encode_opus(user_audio, USER_RATE_HZ, bit_rate), USER_RATE_HZ, len(user_audio))


def to_row(conversation: Conversation, *, user_bit_rate: int = USER_BIT_RATE) -> dict[str, Any]:
    """The values of SCHEMA's columns; the visitors' sound with so many bits a second."""
    return {
        "name": conversation.script.name,
        "family": conversation.script.family,
        "unit_count": conversation.unit_count,
        "script": to_yaml(conversation.script),
        "durations": json.dumps(dataclasses.asdict(conversation.durations), separators=(",", ":")),
        "scene_seed": conversation.scene_seed,
        "camera_lag_frames": conversation.camera_lag_frames,
        "user_audio": encode_opus(conversation.user_audio, USER_RATE_HZ, user_bit_rate),
        "agent_audio": encode_opus(conversation.agent_audio, AGENT_RATE_HZ, AGENT_BIT_RATE),
        "agent_curves": conversation.agent_curves.to_bytes(),
        "visitor_curves": [
            {"visitor": visitor, "curves": curves.to_bytes()} for visitor, curves in conversation.visitor_curves.items()
        ],
        "units": [dataclasses.asdict(label) for label in conversation.timeline.units],
    }


def from_row(row: Mapping[str, Any]) -> Conversation:
    """The conversation of a row.

    Raises:
        InvalidInput: the row is damaged.
    """
    name, units = row["name"], row["unit_count"]
    try:
        durations = _durations(json.loads(row["durations"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"got durations of {name} that cannot be read ({error})", reason="CONVERSATION") from error
    return Conversation(
        script=from_yaml(row["script"], source=name),
        durations=durations,
        user_audio=decode_opus(row["user_audio"], USER_RATE_HZ, units * samples_per_unit(USER_RATE_HZ)),
        agent_audio=decode_opus(row["agent_audio"], AGENT_RATE_HZ, units * samples_per_unit(AGENT_RATE_HZ)),
        agent_curves=Curves.from_bytes(row["agent_curves"]),
        visitor_curves={item["visitor"]: Curves.from_bytes(item["curves"]) for item in row["visitor_curves"]},
        scene_seed=row["scene_seed"],
        camera_lag_frames=row["camera_lag_frames"],
    )


def _durations(values: dict[str, Any]) -> Durations:
    speech = {
        name: Spoken(duration_us=spoken["duration_us"], words=tuple((a, b) for a, b in spoken["words"]))
        for name, spoken in values["speech"].items()
    }
    return Durations(speech=speech, sounds_us=values["sounds_us"])
