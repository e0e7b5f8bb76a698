"""The pure parts, one file a module."""
