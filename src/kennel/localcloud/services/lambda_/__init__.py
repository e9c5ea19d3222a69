"""Functions: the deployed zip under AWS's own runtime client, in sandboxes that are reused."""
