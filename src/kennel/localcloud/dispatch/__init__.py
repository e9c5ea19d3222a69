"""Calls, the registry of handlers, and the running cloud."""
