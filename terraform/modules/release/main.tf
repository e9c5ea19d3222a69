# What is known of releases: the record of what is deployed, and the group of SageMaker's model registry.

# Terraform creates the record; afterwards `./kennel deploy` and `./kennel rollback` write it, and its history is the
# list of deployments. `./kennel stack.sleep` and `./kennel stack.wake` write into it whether the stack sleeps.

resource "aws_ssm_parameter" "this" {
  #checkov:skip=CKV2_AWS_34:Names, numbers and digests; the endpoint's description shows the same to everyone who may read it
  #checkov:skip=CKV_AWS_337:Not a SecureString, so there is nothing that a key would encrypt
  name        = var.name
  description = "What the endpoint serves: written by ./kennel deploy and ./kennel rollback, read by terraform"
  type        = "String"

  value = jsonencode({ deployment = 0, current = null, previous = null })

  lifecycle {
    ignore_changes = [value]
  }
}

# `./kennel package` registers each release in it. A group is deleted when it is empty: `./kennel stack.destroy` empties
# it first.
resource "aws_sagemaker_model_package_group" "registry" {
  model_package_group_name        = var.registry_name
  model_package_group_description = "Kennel's releases: runtime, metrics and approval"
}
