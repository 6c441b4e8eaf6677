"""One frame of the preview: both pictures, what is said, the labels around now, the clock."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wan_streamer.train.data.preview import colours
from wan_streamer.train.data.preview.captions import Caption, caption_at, captions
from wan_streamer.train.data.preview.label_strip import ROWS, LabelStrip
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.unit import FRAME_US, UNIT_US

SCALE: Final = 2
GAP_PX: Final = 8
PAST_US: Final = 6_000_000
FUTURE_US: Final = 2_000_000
# A letter of the font is about half as wide as the font is high.
LETTERS_PER_SIZE: Final = 1.9
NAME_SHARE: Final = 0.09
PROGRESS_PX: Final = 4


class Page:
    """Draws frames of one conversation.

    Args:
        user_size, agent_size: height and width of the pictures, which are shown SCALE times as large.

    Attributes:
        height, width: of a frame, both even.
        strip: the labels; `strip_box` is where they lie (left, top, width) and `now_x` where now is.
    """

    def __init__(self, timeline: Timeline, user_size: tuple[int, int], agent_size: tuple[int, int]) -> None:
        self._timeline = timeline
        self._user_width = SCALE * user_size[1]
        self.width = self._user_width + GAP_PX + SCALE * agent_size[1]
        self._picture_height = SCALE * max(user_size[0], agent_size[0])
        font_px = max(13, self.width // 52)
        self._font = ImageFont.load_default(size=font_px)
        self._small = ImageFont.load_default(size=max(11, round(font_px * 0.72)))
        self._line_px = round(font_px * 1.5)
        name_px = round(self.width * NAME_SHARE)
        unit_px = max(4, (self.width - name_px) * UNIT_US // (PAST_US + FUTURE_US))
        self.strip = LabelStrip(timeline.units, unit_px=unit_px, row_px=max(11, round(font_px * 0.95)))
        self.now_x = unit_px * PAST_US // UNIT_US
        self._caption_top = self._picture_height + self._line_px + GAP_PX
        self.strip_box = (name_px, self._caption_top + 2 * self._line_px + GAP_PX, self.width - name_px)
        height = self.strip_box[1] + self.strip.height + GAP_PX + PROGRESS_PX
        self.height, self.width = height + height % 2, self.width + self.width % 2
        self.captions = captions(timeline, letter_count=round((self.width - name_px) / font_px * LETTERS_PER_SIZE))
        self._ground = self._draw_ground()

    def draw(self, frame: int, user: NDArray[np.uint8], agent: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The page of a frame, uint8 [height, width, 3].

        Args:
            user, agent: the pictures of that frame, uint8 [height, width, 3] of the sizes given.
        """
        at_us = frame * FRAME_US + FRAME_US // 2
        page = self._ground.copy()
        page.paste(_enlarged(user), (0, 0))
        page.paste(_enlarged(agent), (self._user_width + GAP_PX, 0))
        left, top, width = self.strip_box
        window = self.strip.window(at_us / UNIT_US, width=width, now_x=self.now_x)
        page.paste(Image.fromarray(window), (left, top))
        draw = ImageDraw.Draw(page)
        draw.line((left + self.now_x, top - 3, left + self.now_x, top + self.strip.height), fill=colours.NOW, width=2)
        self._write_clock(draw, at_us)
        for row, is_agent in enumerate((False, True)):
            caption = caption_at(self.captions, at_us, is_agent=is_agent)
            if caption is not None:
                self._write_caption(draw, caption, self._caption_top + row * self._line_px, at_us)
        done = round(self.width * at_us / self._timeline.duration_us)
        draw.rectangle((0, self.height - PROGRESS_PX, done, self.height), fill=colours.PROGRESS)
        return np.asarray(page)

    def _draw_ground(self) -> Image.Image:
        page = Image.new("RGB", (self.width, self.height), colours.BACKGROUND)
        draw = ImageDraw.Draw(page)
        _, top, _ = self.strip_box
        for row, name in enumerate(ROWS):
            place = (GAP_PX, top + self.strip.top_of(row) + self.strip.row_px // 2)
            draw.text(place, name, fill=colours.DIM_TEXT, font=self._small, anchor="lm")
        return page

    def _write_clock(self, draw: ImageDraw.ImageDraw, at_us: int) -> None:
        label = self._timeline.units[at_us // UNIT_US]
        seconds = at_us / 1_000_000
        clock = f"{int(seconds // 60)}:{seconds % 60:05.2f}   unit {label.unit_index}"
        middle = self._picture_height + GAP_PX // 2 + self._line_px // 2
        draw.text((GAP_PX, middle), clock, fill=colours.DIM_TEXT, font=self._small, anchor="lm")
        facts = [f"agent: {label.agent}", label.intent or "", label.event or "", label.sound or "", label.noise or ""]
        facts += ["interruption"] if label.interruption else []
        text = "   ".join(fact for fact in facts if fact)
        draw.text((self.width - GAP_PX, middle), text, fill=colours.DIM_TEXT, font=self._small, anchor="rm")

    def _write_caption(self, draw: ImageDraw.ImageDraw, caption: Caption, top: int, at_us: int) -> None:
        colour = colours.AGENT_DOES["speak"] if caption.is_agent else colours.USER_SPEAKS
        middle = top + self._line_px // 2
        draw.text((GAP_PX, middle), caption.speaker, fill=colour, font=self._small, anchor="lm")
        said = caption.said_word(at_us)
        x = float(self.strip_box[0])
        for index, word in enumerate(caption.text.split(" ")):
            fill = colours.SAID_WORD if index == said else colours.TEXT
            draw.text((x, middle), word, fill=fill, font=self._font, anchor="lm")
            x += self._font.getlength(word + " ")


def _enlarged(picture: NDArray[np.uint8]) -> Image.Image:
    height, width, _ = picture.shape
    return Image.fromarray(picture).resize((SCALE * width, SCALE * height), Image.Resampling.BICUBIC)
