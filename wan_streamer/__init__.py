"""Wan-Streamer: a full-duplex audio-visual agent in units of 160 ms."""
