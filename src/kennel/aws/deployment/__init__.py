"""Deployments: the record of what is live, deploy and roll-back, and the proof of each."""
