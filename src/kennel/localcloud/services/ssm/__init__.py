"""Systems Manager: shell commands that run on the training host."""
