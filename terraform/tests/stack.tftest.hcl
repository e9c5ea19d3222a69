# The stack without and with a release, on a mocked provider: resources and their settings.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan # a plan that knows them needs no apply
}

variables {
  environment = "local"
  # Any file is sufficient, because the function does not run.
  function = { package = "main.tf" }
}

run "nothing_is_deployed_without_a_release" {
  command = plan

  assert {
    condition     = length(module.endpoint) == 0 && length(module.autoscaling) == 0
    error_message = "Without a release there must be no endpoint and no scalable target."
  }

  assert {
    condition     = !output.endpoint.deployed && output.endpoint.release_id == null && output.autoscaling == null
    error_message = "The outputs must show that no release is deployed."
  }

  assert {
    condition     = output.release_parameter == "/kennel/local/release"
    error_message = "The record of deployments must be a parameter of this environment."
  }

  assert {
    condition     = output.endpoint.name == "kennel-local-classifier" && output.function.name == "kennel-local-predict"
    error_message = "Names must be known before the endpoint exists."
  }

  assert {
    condition     = toset(keys(output.roles)) == toset(["endpoint", "function", "notebook", "training", "training_host"])
    error_message = "Each workload must have a role of its own."
  }

  assert {
    condition     = output.function.url == null && output.function.url_policy_arn == null
    error_message = "The function must have no URL unless one is asked for."
  }

  assert {
    condition     = length(module.predict_function.dead_letter_queue_url) > 0
    error_message = "The function must have a dead-letter queue."
  }
}

run "a_release_is_deployed_and_scaled" {
  command = plan

  override_module {
    target = module.release
    outputs = {
      parameter = "/kennel/local/release"
      registry  = "kennel-local"
      record = {
        deployment = 7
        current = {
          deployment     = 7
          digest         = "01"
          id             = "r-0123456789ab"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
          instance_count = 2
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
        }
        previous = {
          deployment     = 5
          digest         = "23"
          id             = "r-ba9876543210"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
          instance_type  = "ml.c5.large"
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-ba9876543210/model.tar.gz"
        }
      }
    }
  }

  variables {
    autoscaling = { min_instances = 1, max_instances = 3 }
  }

  assert {
    condition     = length(module.endpoint) == 1 && length(module.autoscaling) == 1
    error_message = "A release must create one endpoint and one scalable target."
  }

  assert {
    condition     = output.endpoint.deployed && output.endpoint.release_id == "r-0123456789ab"
    error_message = "The outputs must contain the deployed release."
  }

  assert {
    condition     = module.endpoint[0].deployments == { "5" = "kennel-local-deployment-5", "7" = "kennel-local-deployment-7" }
    error_message = "The current and the previous deployment must have a configuration each, named by their numbers."
  }

  assert {
    condition     = output.endpoint.deployment == 7
    error_message = "The endpoint must serve the current deployment."
  }

  assert {
    condition     = output.autoscaling.resource_id == "endpoint/kennel-local-classifier/variant/AllTraffic"
    error_message = "The scalable target must be the endpoint's variant."
  }

  assert {
    condition     = output.autoscaling.min_instances == 1 && output.autoscaling.max_instances == 3
    error_message = "The limits must be those of var.autoscaling."
  }
}

run "a_stack_that_sleeps_keeps_the_record_and_nothing_that_is_billed_by_the_hour" {
  command = plan

  override_module {
    target = module.release
    outputs = {
      parameter = "/kennel/local/release"
      registry  = "kennel-local"
      record = {
        asleep     = { stopped = ["notebook"] }
        deployment = 7
        current = {
          deployment     = 7
          digest         = "01"
          id             = "r-0123456789ab"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
          instance_count = 2
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
        }
        previous = null
      }
    }
  }

  assert {
    condition     = length(module.endpoint) == 0 && length(module.autoscaling) == 0 && output.autoscaling == null
    error_message = "A stack that sleeps must have no endpoint and no scalable target."
  }

  assert {
    condition     = length(local.interface_endpoints) == 0 && length(local.wanted_endpoints) > 0
    error_message = "A stack that sleeps must have no interface endpoints, and awake those that its settings name."
  }

  assert {
    condition     = output.endpoint.asleep && output.endpoint.deployed && output.endpoint.deployment == 7
    error_message = "The outputs must say that it sleeps, and what it serves when it is awake."
  }
}

run "another_instance_type_waits_for_the_next_deployment" {
  command = plan

  override_module {
    target = module.release
    outputs = {
      parameter = "/kennel/local/release"
      registry  = "kennel-local"
      record = {
        deployment = 7
        current = {
          deployment     = 7
          digest         = "01"
          id             = "r-0123456789ab"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
          instance_type  = "ml.m5.large"
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
        }
        previous = null
      }
    }
  }

  variables {
    endpoint = { instance_type = "ml.c5.large" }
  }

  assert {
    condition     = module.endpoint[0].instance_type == "ml.m5.large"
    error_message = "A deployment keeps the instance type that it was made with."
  }

  expect_failures = [check.settings_of_the_endpoint]
}

run "names_contain_project_and_environment" {
  command = plan

  variables {
    environment   = "prod"
    observability = { emails = ["ops@example.com"] }
    project       = "hounds"
  }

  assert {
    condition     = output.name == "hounds-prod" && output.endpoint.name == "hounds-prod-classifier"
    error_message = "Every name must begin with project and environment."
  }
}

run "a_record_that_names_no_release_of_the_bucket_is_refused" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 0
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = ["m5d"]
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = []
    rollout                  = "CANARY"
    rollout_percent          = 20
    startup_timeout_seconds  = 300
    termination_wait_seconds = 0
    variant                  = "AllTraffic"
    releases = {
      "1" = { id = "r-0", image = "pytorch:latest", model_data_url = "s3://bucket/training/x/model.tar.gz" }
    }
  }

  expect_failures = [var.releases]
}

run "a_type_with_local_disks_takes_no_key" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 0
    current                  = "2"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = ["m5d"]
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = []
    rollout                  = "CANARY"
    rollout_percent          = 20
    startup_timeout_seconds  = 300
    termination_wait_seconds = 0
    variant                  = "AllTraffic"
    releases = {
      for number, type in { "1" = null, "2" = "ml.m5d.large" } : number => {
        id                      = "r-${number}"
        image                   = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:1"
        instance_type           = type
        model_data_url          = "s3://bucket/releases/r-${number}/model.tar.gz"
      }
    }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this["1"].kms_key_arn == var.key_arn && aws_sagemaker_endpoint_configuration.this["2"].kms_key_arn == null
    error_message = "SageMaker refuses a key for types with local disks; the others must have the stack's."
  }
}

# The longest project, environment and region (us-isof-south-1) that are possible.
run "names_of_buckets_contain_the_region_and_are_short_enough" {
  command = plan

  variables {
    environment = "local"
    project     = "twelve-chars"
    region      = "us-isof-south-1"
  }

  assert {
    condition = alltrue([
      for bucket in [output.artifact_bucket, output.data_bucket, output.log_bucket] :
      endswith(bucket, "-us-isof-south-1") && length(bucket) <= 63
    ])
    error_message = "Names of buckets are global: they must contain the region, in at most 63 characters."
  }
}
