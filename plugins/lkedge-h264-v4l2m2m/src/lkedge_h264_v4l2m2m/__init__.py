"""Hardware H.264 encoders that speak V4L2, as an encoder of lkedge."""

__version__ = "0.1.0"
