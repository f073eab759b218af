"""A grey picture, for lkedge."""
