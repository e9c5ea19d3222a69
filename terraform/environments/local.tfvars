# The rehearsal. Concurrency, the URL, steps and a schedule are set in order to rehearse them too.
environment = "local"

storage = {
  force_destroy     = true
  key_deletion_days = 7
}

network = {
  interface_endpoints = ["sagemaker.api", "sagemaker.runtime"]
}

endpoint = {
  bake_seconds             = 0
  termination_wait_seconds = 0
}

# A local cloud has one stack.
observability = {
  own_shared_log_groups = true
}

autoscaling = {
  max_instances = 3
  surge_steps   = [{ over = 2, add_percent = 100 }]

  schedules = {
    morning = { max_instances = 3, min_instances = 1, schedule = "cron(0 7 ? * MON-FRI *)" }
  }
}

function = {
  provisioned_concurrency     = 1
  provisioned_concurrency_max = 2
  reserved_concurrency        = 5
  url                         = true
}

# A repository that does not exist: the local cloud signs the tokens of its jobs, and so rehearses the roles.
delivery = {
  repository = "octo-org@123456/hounds@456789"
}
