"""Releases: packaged models with their golden photos, and the candidates that become releases."""
