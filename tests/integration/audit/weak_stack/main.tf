# A stack with twenty weaknesses, one a resource, numbered as in tests/integration/audit/test_weak_stack.py.
# plan.json is what Terraform makes of it, without the parts that repeat the code:
#
#   terraform init && terraform plan -out plan -var access=AmazonSageMakerFullAccess
#   terraform show -json plan | jq '{format_version, terraform_version, planned_values, resource_changes: []}' > plan.json

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variable "access" {
  type = string
}

locals {
  account = "123456789012"
  # What a statement of a template allows is known when it is rendered only.
  rendered = { actions = "s3:*", bucket = "photos-of-another-stack" }
}
