"""The real workflow with the real handlers, in one process."""
