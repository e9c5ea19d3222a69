"""What workloads share: roles, supervised processes, /opt/ml, logs, metrics, S3 transfer."""
