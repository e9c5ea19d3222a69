"""CloudWatch Logs: metrics that log lines embed, and metrics that filters make of them."""
