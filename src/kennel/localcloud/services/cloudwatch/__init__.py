"""CloudWatch: metrics with AWS's aggregation, and alarms that are evaluated on the cloud's clock and act."""
