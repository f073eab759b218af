"""The host's side of the device lab: the virtual machine, commands in it, and the daemon under test inside."""
