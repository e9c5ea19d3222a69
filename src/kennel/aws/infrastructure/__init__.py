"""Terraform and the stack: plans, applies, the state and its locks, what a killed run left."""
