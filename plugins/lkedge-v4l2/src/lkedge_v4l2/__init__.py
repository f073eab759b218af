"""Webcams and grabbers that speak V4L2, as a source of lkedge."""

__version__ = "0.1.0"
