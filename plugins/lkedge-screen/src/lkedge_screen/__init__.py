"""The source `screen`: what an X server or the kernel shows on a screen."""
