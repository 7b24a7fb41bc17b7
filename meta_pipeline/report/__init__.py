"""Shows what the marts hold."""
