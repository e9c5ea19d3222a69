"""Kennel: from a folder of labelled photos to an autoscaled, least-privilege prediction service."""
