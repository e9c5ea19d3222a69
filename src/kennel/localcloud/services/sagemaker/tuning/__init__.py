"""Tuning jobs: a real search over real trials."""
