"""Drawn photos of dogs, for where no real ones are at hand. Not part of any bundle, job or release."""
