"""Untrusted bytes <-> arrays: what clients send becomes exact units, what the model makes becomes files and messages.

formats.py    what a client declares, what the model wants, the limits
cutter.py     UnitCutter: audio chunks and JPEG frames in, units of 160 ms out
audio_track.py, video_track.py, resampler.py    its two halves and their clockwork
jpeg.py, letterbox.py                           one picture
files.py, mp4_writer.py                         media files through FFmpeg
provenance.py                                   what was generated says so

Other codecs (Opus, H.264, VP8) join as further tracks beside these two: a track takes packets and gives a unit's
arrays.
"""
