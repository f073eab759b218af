"""The parts of bench.publish: two publishers, the viewer that watches them, and what is measured."""
