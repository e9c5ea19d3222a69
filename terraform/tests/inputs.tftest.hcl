# Validation rejects, before the plan, input that AWS would reject or that is dangerous. Each run violates one
# rule of each variable in expect_failures.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  function = { package = "main.tf" }
}

run "instance_types_are_of_the_right_service" {
  command = plan

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

  variables {
    environment          = "staging"
    network              = { cidr_block = "10.0.0.0" }
    observability        = { emails = ["nobody"] }
    permissions_boundary = "arn:aws:iam::123456789012:role/admin"
    project              = "Kennel_For_Dogs"
    release              = { id = "no spaces", model_data_url = "s3://bucket/releases/x/model.tar.gz" }
    training_host        = { ami_name = "ubuntu-22.04" }
  }

  expect_failures = [
    var.environment,
    var.network,
    var.observability,
    var.permissions_boundary,
    var.project,
    var.release,
    var.training_host,
  ]
}

run "numbers_are_within_aws_limits" {
  command = plan

  variables {
    autoscaling   = { max_instances = 2, min_instances = 3 }
    endpoint      = { instance_count = 0 }
    function      = { package = "main.tf", reserved_concurrency = 0 }
    network       = { zones = ["a"] }
    notebook      = { idle_minutes = 1 }
    observability = { retention_days = 100 }
    release       = { id = "r-0", instance_count = 0, model_data_url = "s3://bucket/releases/x/model.tar.gz" }
    storage       = { key_deletion_days = 3 }
    training_host = { volume_gb = 8 }
  }

  expect_failures = [
    var.autoscaling,
    var.endpoint,
    var.function,
    var.network,
    var.notebook,
    var.observability,
    var.release,
    var.storage,
    var.training_host,
  ]
}

run "a_release_is_in_the_artifact_bucket" {
  command = plan

  variables {
    # Provisioned concurrency counts against the reservation.
    function = { package = "main.tf", provisioned_concurrency = 3, reserved_concurrency = 2 }
    release  = { id = "r-0", model_data_url = "s3://bucket/training/x/model.tar.gz" }
  }

  expect_failures = [var.function, var.release]
}

run "a_release_image_is_an_ecr_image" {
  command = plan

  variables {
    autoscaling   = { invocations_per_instance = 0 }
    function      = { memory_mb = 64, package = "main.tf" }
    observability = { budget_usd = 0 }
    release       = { id = "r-0", image = "pytorch:latest", model_data_url = "s3://bucket/releases/x/model.tar.gz" }
  }

  expect_failures = [var.autoscaling, var.function, var.observability, var.release]
}
