# A stack to try things on: cheap, and it may be thrown away with all it holds.
environment = "dev"

storage = {
  force_destroy     = true
  key_deletion_days = 7
}

# The endpoints are billed by the zone; here one will do.
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
