"""Tests that `wan-streamer data ...` has the options of the modules that it starts."""

from dataclasses import fields
from typing import Any

import pytest

from wan_streamer.client.command import Command
from wan_streamer.client.data_conversation_commands import (
    DataEncode,
    DataHear,
    DataPreview,
    DataRender,
    DataRoll,
    DataSpell,
)
from wan_streamer.train.data.preview_command import PreviewOptions
from wan_streamer.train.data.store.render_command import RenderOptions
from wan_streamer.train.encode_command import EncodeOptions
from wan_streamer.train.hear_command import HearOptions
from wan_streamer.train.roll_command import RollOptions
from wan_streamer.train.spell_command import SpellOptions


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (DataRender, RenderOptions),
        (DataPreview, PreviewOptions),
        (DataEncode, EncodeOptions),
        (DataHear, HearOptions),
        (DataSpell, SpellOptions),
        (DataRoll, RollOptions),
    ],
)
def test_a_command_has_the_options_of_its_module(command: type[Any], module: type[Any]) -> None:
    """By name and default, but for the cache's folder, which has an environment variable, and the domain's."""
    commands = {one.name: one.default for one in fields(command) if one not in fields(Command)}
    modules = {one.name: one.default for one in fields(module) if one.name != "cache"}
    commands.pop("domain", None), modules.pop("domain", None)
    assert commands == modules
