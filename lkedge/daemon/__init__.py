"""The daemon: its composition root and its life from start to stop."""
