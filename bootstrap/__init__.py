"""Makes what the launcher does not find: uv, Python environments, Terraform. Standard library only."""
