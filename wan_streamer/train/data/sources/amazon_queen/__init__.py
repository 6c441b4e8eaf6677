"""Acted English dialogue of the game "Flight of the Amazon Queen": who says what in which of its sounds."""
