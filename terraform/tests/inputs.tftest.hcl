# Validation rejects, before the plan, input that AWS would reject or that is dangerous. Each run violates one
# rule of each variable in expect_failures. `inputs` has the root's variables alone: their validations need no
# provider, whose start takes longer than the rest of a run.

variables {
  environment = "dev"
  function    = { package = "main.tf" }
}

run "instance_types_are_of_the_right_service" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint      = { instance_type = "m5.large" }
    notebook      = { instance_type = "t3.medium" }
    training      = { instance_type = "m5.xlarge" }
    training_host = { instance_type = "ml.m5.xlarge" }
  }

  expect_failures = [var.endpoint, var.notebook, var.training, var.training_host]
}

run "names_and_addresses_are_valid_in_aws" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    network              = { cidr_block = "10.0.0.0" }
    observability        = { emails = ["nobody"] }
    permissions_boundary = "arn:aws:iam::123456789012:role/admin"
    project              = "Kennel_For_Dogs"
    training_host        = { ami_parameter = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id" }
  }

  expect_failures = [
    var.network,
    var.observability,
    var.permissions_boundary,
    var.project,
    var.training_host,
  ]
}

run "numbers_are_within_aws_limits" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling   = { max_instances = 2, min_instances = 3 }
    function      = { package = "main.tf", reserved_concurrency = 0 }
    network       = { zones = ["a"] }
    notebook      = { idle_minutes = 1 }
    observability = { retention_days = 100 }
    storage       = { key_deletion_days = 3 }
    training_host = { volume_gb = 8 }
  }

  expect_failures = [
    var.autoscaling,
    var.function,
    var.network,
    var.notebook,
    var.observability,
    var.storage,
    var.training_host,
  ]
}

run "numbers_that_depend_on_each_other" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling = { invocations_per_instance = 0 }
    # Provisioned concurrency counts against the reservation.
    function      = { package = "main.tf", provisioned_concurrency = 3, reserved_concurrency = 2 }
    observability = { budget_usd = 0 }
  }

  expect_failures = [var.autoscaling, var.function, var.observability]
}

# By itself: what depends on the environment is not checked for one that is unknown.
run "the_environment_is_known" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    environment = "staging"
  }

  expect_failures = [var.environment]
}

# Without a refused observability variable: what depends on that is not checked then.
run "an_endpoint_has_an_instance_and_a_function_memory" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint = { instance_count = 0 }
    function = { memory_mb = 64, package = "main.tf" }
  }

  expect_failures = [var.endpoint, var.function]
}

run "prod_has_somebody_who_learns_of_alarms_and_is_not_emptied" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    environment = "prod"
    storage     = { force_destroy = true, protected = true }
  }

  expect_failures = [var.observability, var.storage]
}

run "a_container_has_as_long_to_start_as_sagemaker_allows" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint = { startup_timeout_seconds = 59 }
  }

  expect_failures = [var.endpoint]
}

run "a_new_release_is_watched_for_as_long_as_its_alarms_take" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint      = { termination_wait_seconds = 239 }
    observability = { latency_minutes = 3 }
  }

  expect_failures = [var.endpoint]
}

run "each_step_is_watched_for_as_long_as_the_alarms_take" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint = { bake_seconds = 239 }
    function = { package = "main.tf", provisioned_concurrency = 1, provisioned_concurrency_max = 6, reserved_concurrency = 5 }
  }

  expect_failures = [var.endpoint, var.function]
}

run "a_part_of_one_instance_is_refused" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling = { min_instances = 1 }
    endpoint    = { instance_count = 2, rollout = "CANARY" }
  }

  expect_failures = [var.endpoint]
}

run "steps_end_within_the_hour_of_the_provider" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling = { min_instances = 10, max_instances = 20 }
    endpoint    = { instance_count = 10, rollout = "LINEAR", rollout_percent = 10, bake_seconds = 360 }
  }

  expect_failures = [var.endpoint]
}

run "serverless_has_no_gpu" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    endpoint = { instance_type = "ml.g5.xlarge", serverless = {} }
  }

  expect_failures = [var.endpoint]
}

# What depends on a refused autoscaling variable, as the endpoint does, is not checked then.
run "a_schedule_keeps_an_instance" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling = {
      schedules = { night = { max_instances = 2, min_instances = 0, schedule = "cron(0 22 * * ? *)" } }
    }
  }

  expect_failures = [var.autoscaling]
}

run "surge_steps_rise" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    autoscaling = { surge_steps = [{ add_percent = 100, over = 3 }, { add_percent = 50, over = 2 }] }
  }

  expect_failures = [var.autoscaling]
}

run "platforms_are_ones_that_aws_supports" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    notebook      = { platform = "notebook-al2-v3" }
    training      = { image = "pytorch:latest" }
    training_host = { ami_id = "Deep Learning AMI" }
  }

  expect_failures = [var.notebook, var.training, var.training_host]
}

run "the_pipeline_is_one_repository_and_one_environment" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    delivery = { repository = "octo-org/*" }
  }

  expect_failures = [var.delivery]
}

run "the_pipelines_branch_has_no_wildcard" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    delivery = { repository = "octo-org/hounds", branch = "release-*" }
  }

  expect_failures = [var.delivery]
}

run "the_pipelines_environment_has_no_wildcard" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    delivery = { repository = "octo-org/hounds", environment = "*" }
  }

  expect_failures = [var.delivery]
}

run "the_pipelines_provider_is_that_of_github" {
  command = plan

  module {
    source = "./tests/inputs"
  }

  variables {
    delivery = {
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/issuer.example.com"
      repository   = "octo-org/hounds"
    }
  }

  expect_failures = [var.delivery]
}
