"""`lkedge demo`: a room to publish to, the daemon in it, a page to watch it, and a live table of the layers."""
