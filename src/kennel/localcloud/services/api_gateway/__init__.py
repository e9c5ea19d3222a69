"""API Gateway: HTTP and REST APIs whose requests reach Lambda functions."""
