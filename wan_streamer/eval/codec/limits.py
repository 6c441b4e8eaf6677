"""What the project asks of a codec, in one place."""

from typing import Final

WORD_RISE_POINTS: Final = 3.0
QUALITY_DROP: Final = 0.4
PSNR_DB: Final = 30.0
LIP_OFFSET_MS: Final = 40.0
LIP_CORRELATION_DROP: Final = 0.05
