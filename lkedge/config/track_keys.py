# lkedge: pure
"""The settings of [[track]], apart from the models: workers load the registry of plugins, not those."""

TRACK_KEYS = frozenset({"name", "source", "publish_as", "enabled", "muted", "isolation", "capture", "publish"})
"""No source may have one of these names."""
