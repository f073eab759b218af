"""HDMI inputs as a source of lkedge: bridges on CSI and grabbers on USB."""

__version__ = "0.1.0"
