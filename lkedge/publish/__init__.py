"""Wanted tracks against actual ones: layers, publications, the room session, reconnection."""
