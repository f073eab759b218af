"""Control: one table of commands (api.py), spelled as HTTP over a Unix socket and as D-Bus."""
