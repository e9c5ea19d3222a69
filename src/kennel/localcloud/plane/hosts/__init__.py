"""EC2 instances as far as they run something: Systems Manager's commands."""
