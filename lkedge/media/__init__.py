"""Frames, formats and layers: the values that flow from a source to the network."""
