"""EC2 Auto Scaling: groups of instances, their scaling policies and scheduled actions."""
