"""The HTTP service: the gateway and the entry point."""
