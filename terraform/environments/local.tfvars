# The rehearsal. Reserved and provisioned concurrency are set in order to rehearse them too.
environment = "local"

storage = {
  force_destroy     = true
  key_deletion_days = 7
}

network = {
  interface_endpoints = ["sagemaker.api", "sagemaker.runtime"]
}

endpoint = {
  termination_wait_seconds = 0
}

autoscaling = {
  max_instances = 3
}

function = {
  provisioned_concurrency = 1
  reserved_concurrency    = 5
}
