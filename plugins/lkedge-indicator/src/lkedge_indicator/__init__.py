"""A light that is on exactly while lkedge has a camera or microphone open."""
