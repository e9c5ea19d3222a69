"""Makes what the launcher needs and does not find: uv, the Python environments, Terraform. Standard library only."""
