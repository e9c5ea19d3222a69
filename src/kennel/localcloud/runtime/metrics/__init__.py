"""The metrics of CloudWatch: what services publish about themselves, and what clients put."""
