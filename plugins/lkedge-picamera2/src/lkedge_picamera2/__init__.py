"""Raspberry Pi cameras through picamera2, as a source of lkedge."""

__version__ = "0.1.0"
