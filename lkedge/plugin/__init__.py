"""What a plugin is: its contracts, hooks, registry and manager."""
