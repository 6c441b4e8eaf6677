"""The labels of all units as one long picture, of which a film shows the part around now."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wan_streamer.train.data.preview import colours
from wan_streamer.train.data.preview.colours import Colour
from wan_streamer.train.data.timeline import UnitLabel

ROWS: Final = ("agent", "visitors", "seen", "heard")
# One column of background divides the units.
UNIT_GAP_PX: Final = 1
ROW_GAP_PX: Final = 3


def row_colours(label: UnitLabel) -> tuple[Colour, Colour, Colour, Colour]:
    """The colour of one unit in each of ROWS. What is louder or rarer wins its row."""
    visitors = colours.EMPTY if label.present else colours.ABSENT
    if label.side_talk:
        visitors = colours.SIDE_TALK
    if label.backchannel:
        visitors = colours.BACKCHANNEL
    if label.user_speaks:
        visitors = colours.USER_SPEAKS
    if label.interruption:
        visitors = colours.INTERRUPTION
    heard = colours.SOUND if label.sound else colours.NOISE if label.noise else colours.EMPTY
    return colours.AGENT_DOES[label.agent], visitors, colours.EVENT if label.event else colours.EMPTY, heard


def row_texts(label: UnitLabel) -> tuple[str, str, str, str]:
    """What is written into each of ROWS where it changes."""
    visitors = "+".join(label.voices)
    return label.agent, visitors, label.event or "", label.sound or label.noise or ""


class LabelStrip:
    """Draws the labels once.

    Args:
        unit_px: width of a unit.
        row_px: height of a row.
    """

    def __init__(self, units: Sequence[UnitLabel], *, unit_px: int, row_px: int) -> None:
        self.unit_px, self.row_px = unit_px, row_px
        self.height = len(ROWS) * (row_px + ROW_GAP_PX)
        picture = Image.new("RGB", (len(units) * unit_px, self.height), colours.BACKGROUND)
        draw = ImageDraw.Draw(picture)
        for label in units:
            left = label.unit_index * unit_px
            for row, colour in enumerate(row_colours(label)):
                top = self.top_of(row)
                draw.rectangle((left, top, left + unit_px - UNIT_GAP_PX - 1, top + row_px - 1), fill=colour)
            if label.interruption:
                draw.line((left, 0, left, self.height), fill=colours.INTERRUPTION)
        self._write(draw, units)
        self._picture = np.asarray(picture)

    def top_of(self, row: int) -> int:
        """The first line of a row."""
        return row * (self.row_px + ROW_GAP_PX)

    def window(self, now_units: float, *, width: int, now_x: int) -> NDArray[np.uint8]:
        """The part in which the time `now_units` (in units) lies at the column now_x; [height, width, 3]."""
        first = round(now_units * self.unit_px) - now_x
        window = np.empty((self.height, width, 3), np.uint8)
        window[:] = colours.BACKGROUND
        begin, end = max(first, 0), min(first + width, self._picture.shape[1])
        if begin < end:
            window[:, begin - first : end - first] = self._picture[:, begin:end]
        return window

    def _write(self, draw: ImageDraw.ImageDraw, units: Sequence[UnitLabel]) -> None:
        font = ImageFont.load_default(size=round(self.row_px * 0.72))
        before = ("",) * len(ROWS)
        for label in units:
            texts = row_texts(label)
            for row, text in enumerate(texts):
                if text and text != before[row]:
                    place = (label.unit_index * self.unit_px + 3, self.top_of(row) + self.row_px // 2)
                    draw.text(place, text, fill=colours.NOW, font=font, anchor="lm")
            before = texts
