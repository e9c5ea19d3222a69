"""Training: jobs, tuning, the EC2 host, what these ran on and logged."""
