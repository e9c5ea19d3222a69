# The production service. Two instances, so that it survives the loss of a zone.
environment = "prod"

# Removed only as docs/terraform.md says, "Removing prod".
storage = {
  protected = true
}

endpoint = {
  instance_count = 2
}

autoscaling = {
  min_instances = 2
  max_instances = 8
}

function = {
  provisioned_concurrency     = 2
  provisioned_concurrency_max = 10
  reserved_concurrency        = 50
}

observability = {
  budget_usd = 500
}
