# The stack without and with a release, on a mocked provider: resources and their settings.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file is sufficient, because the function does not run.
  function = { package = "main.tf" }
}

run "nothing_is_deployed_without_a_release" {
  command = apply

  assert {
    condition     = length(module.endpoint) == 0 && length(module.autoscaling) == 0
    error_message = "Without a release there must be no endpoint and no scalable target."
  }

  assert {
    condition     = !output.endpoint.deployed && output.endpoint.release_id == null && output.autoscaling == null
    error_message = "The outputs must show that no release is deployed."
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
    condition     = length(module.predict_function.dead_letter_queue_url) > 0
    error_message = "The function must have a dead-letter queue."
  }
}

run "a_release_is_deployed_and_scaled" {
  command = apply

  variables {
    release = {
      id             = "r-0123456789ab"
      model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
    }
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
    condition     = output.autoscaling.resource_id == "endpoint/kennel-local-classifier/variant/AllTraffic"
    error_message = "The scalable target must be the endpoint's variant."
  }

  assert {
    condition     = output.autoscaling.min_instances == 1 && output.autoscaling.max_instances == 3
    error_message = "The limits must be those of var.autoscaling."
  }
}

run "names_contain_project_and_environment" {
  command = plan

  variables {
    environment = "prod"
    project     = "hounds"
  }

  assert {
    condition     = output.name == "hounds-prod" && output.endpoint.name == "hounds-prod-classifier"
    error_message = "Every name must begin with project and environment."
  }
}
