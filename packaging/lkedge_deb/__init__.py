"""Builds the Debian packages of lkedge: `python -m lkedge_deb --help`; docs/packaging.md tells why it is so."""
