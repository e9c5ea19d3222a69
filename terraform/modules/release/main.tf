# The record of what is deployed. Terraform creates it; afterwards `./kennel deploy` and `./kennel rollback` write it,
# and its history is the list of deployments.

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
