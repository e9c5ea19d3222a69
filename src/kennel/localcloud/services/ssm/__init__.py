"""Systems Manager: the agents of EC2 instances, and the shell commands that are sent to them."""
