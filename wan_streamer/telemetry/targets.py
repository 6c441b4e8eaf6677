"""The latency targets of the papers, in one place for metrics, summaries and the timeline."""

from wan_streamer.unit import UNIT_MS

# Wan-Streamer, "model-side latency": from the user unit being available until the response unit is decoded.
MODEL_LATENCY_TARGET_MS = 200
# Wan-Streamer, total interaction latency; here from the start of a unit's capture until the answer to it plays.
CAPTURE_TO_PLAYOUT_TARGET_MS = 550
# Every stage must fit the cadence: a unit each unit's time.
CADENCE_MS = UNIT_MS
