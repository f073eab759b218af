"""Capture workers: a source with its scaler and encoders, isolated in a process or a thread."""
