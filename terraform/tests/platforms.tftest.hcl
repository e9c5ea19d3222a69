# Images, the workbench and what depends on them: the notebook, the training host, interface endpoints.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "local"
  function    = { package = "main.tf" }
}

run "a_stack_has_a_workbench_and_its_endpoints_by_default" {
  command = plan

  assert {
    condition     = output.notebook.name == "kennel-local-notebook" && length(module.training_host) == 1
    error_message = "The notebook and the training host must exist unless they are switched off."
  }

  assert {
    condition = toset(keys(module.network.interface_endpoints)) == toset([
      "logs", "sagemaker.api", "sagemaker.runtime", "ssm", "ssmmessages", "sts",
    ])
    error_message = "The network must have an endpoint for each API that the notebook and the host call."
  }

  assert {
    condition     = endswith(output.training.image, "/pytorch:2.13.0-cpu-amzn2023-sagemaker")
    error_message = "Training must use the supported image of images.json."
  }

  assert {
    condition     = endswith(output.endpoint.image, "/ray:serve-ml-sagemaker-cpu-v1")
    error_message = "Endpoints must use the supported image of images.json."
  }
}

run "dev_without_a_workbench_has_no_interface_endpoint" {
  command = plan

  variables {
    environment   = "dev"
    network       = { interface_endpoint_zones = 1 }
    notebook      = { enabled = false }
    training_host = { enabled = false }
  }

  assert {
    condition     = length(module.network.interface_endpoints) == 0
    error_message = "Without a workbench nothing in the network calls an AWS API."
  }

  assert {
    condition     = output.notebook == null && output.training_host == null
    error_message = "The outputs of what is switched off must be null."
  }

  assert {
    condition     = length(module.notebook) == 0 && length(module.training_host) == 0
    error_message = "The notebook and the host must not exist."
  }
}

run "the_host_alone_has_the_endpoints_of_session_manager" {
  command = plan

  variables {
    notebook = { enabled = false }
  }

  assert {
    condition     = toset(keys(module.network.interface_endpoints)) == toset(["logs", "ssm", "ssmmessages"])
    error_message = "The host calls Systems Manager and CloudWatch Logs only."
  }
}

run "a_gpu_type_has_the_gpu_image" {
  command = plan

  variables {
    endpoint = { instance_type = "ml.g5.xlarge" }
    training = { instance_type = "ml.g4dn.xlarge" }
  }

  assert {
    condition     = endswith(output.training.image, "/pytorch:2.13.0-cu133-amzn2023-sagemaker")
    error_message = "Training on a GPU must use the GPU image."
  }

  assert {
    condition     = endswith(output.endpoint.image, "/ray:serve-ml-sagemaker-cuda-v1")
    error_message = "An endpoint on a GPU must use the GPU image."
  }

  assert {
    condition     = output.endpoint.inference_amis == { (output.endpoint.image) = "al2-ami-sagemaker-inference-gpu-3-1" }
    error_message = "The GPU image needs a machine image with a newer driver than SageMaker's default."
  }
}

run "an_own_image_replaces_the_table" {
  command = plan

  variables {
    training = { image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/dogs:1" }
  }

  assert {
    condition = alltrue([
      for image in values(output.training_images.by_accelerator) : image == "123456789012.dkr.ecr.us-east-1.amazonaws.com/dogs:1"
    ])
    error_message = "training.image must apply to every instance type."
  }
}
