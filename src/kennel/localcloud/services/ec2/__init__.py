"""EC2: machine images, detailed monitoring, and the instances that run commands."""
