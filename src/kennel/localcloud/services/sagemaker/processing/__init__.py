"""Processing jobs: programs that read from S3 and write to it."""
