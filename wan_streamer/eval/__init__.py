"""Judges: models of others that say how good speech and pictures are, each validated on ground truth."""
