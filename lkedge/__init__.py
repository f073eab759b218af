"""lkedge: a capture daemon that publishes cameras and microphones to LiveKit rooms."""

__version__ = "0.1.0"
