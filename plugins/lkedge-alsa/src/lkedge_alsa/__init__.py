"""Microphones and other sound cards through ALSA, as the source "alsa" of lkedge."""
