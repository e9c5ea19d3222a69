"""What a stack costs, from Terraform's plan of it, before anything is created."""
