"""Batch transform: a model asked for everything below an address in S3."""
