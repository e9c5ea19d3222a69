# The rehearsal. Reserved and provisioned concurrency and the URL are set in order to rehearse them too.
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

# A local cloud has one stack.
observability = {
  own_shared_log_groups = true
}

autoscaling = {
  max_instances = 3
}

function = {
  provisioned_concurrency = 1
  reserved_concurrency    = 5
  url                     = true
}

# A repository that does not exist: the local cloud signs the tokens of its jobs, and so rehearses the roles.
delivery = {
  repository = "octo-org@123456/hounds@456789"
}
