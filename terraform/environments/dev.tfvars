# A stack for development: cheap, and deleted with its contents by destroy.
environment = "dev"

storage = {
  force_destroy     = true
  key_deletion_days = 7
}

# Interface endpoints are billed per zone; one is sufficient here.
network = {
  interface_endpoint_zones = 1
}

autoscaling = {
  max_instances = 2
}

observability = {
  budget_usd     = 100
  retention_days = 30
}
