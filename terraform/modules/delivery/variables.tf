variable "account_id" {
  description = "Account of the stack."
  type        = string
  nullable    = false
}

variable "branch" {
  description = "Branch whose pushes may be planned."
  type        = string
  nullable    = false
}

variable "bucket_names" {
  description = "Names of the stack's buckets."
  type        = object({ artifacts = string, data = string, logs = string })
  nullable    = false
}

variable "budget" {
  description = "Name of the budget."
  type        = string
  nullable    = false
}

variable "dashboard" {
  description = "Name of the dashboard."
  type        = string
  nullable    = false
}

variable "dead_letter_queue_name" {
  description = "Queue of the function's dead letters."
  type        = string
  nullable    = false
}

variable "endpoint_name" {
  description = "The endpoint that a deployment replaces."
  type        = string
  nullable    = false
}

variable "endpoint_role_arn" {
  description = "Role of the endpoint's models, the only one that a deployment may pass."
  type        = string
  nullable    = false
}

variable "filtered_log_group" {
  description = "Name of the log group that has a metric filter."
  type        = string
  nullable    = false
}

variable "function" {
  description = "Name of the function, and the alias that a deployment asks."
  type        = object({ alias = string, name = string })
  nullable    = false
}

variable "github_environment" {
  description = "Environment of GitHub whose jobs may deploy; its protection rules are the approval."
  type        = string
  nullable    = false
}

variable "image_folder" {
  description = "Folder of AWS's parameters that names the training host's image."
  type        = string
  nullable    = false
}

variable "instance_profile" {
  description = "Instance profile of the training host."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "KMS key that encrypts all data at rest."
  type        = string
  nullable    = false
}

variable "log_groups" {
  description = "Names of the stack's log groups."
  type        = list(string)
  nullable    = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "notebook_name" {
  description = "The notebook instance, and its lifecycle configuration."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "Partition of every ARN (aws, aws-cn, aws-us-gov)."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of both roles, if the organisation requires one."
  type        = string
  default     = null
}

variable "proof_endpoint_name" {
  description = "The endpoint on which a deployment proves a release before it has traffic."
  type        = string
  nullable    = false
}

variable "provider_arn" {
  description = "ARN of the account's OpenID Connect provider for GitHub, if there is one already; null creates it."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the stack."
  type        = string
  nullable    = false
}

variable "registry" {
  description = "Group of the releases in SageMaker's model registry."
  type        = string
  nullable    = false
}

variable "release_parameter" {
  description = "Name of the parameter that records what is deployed."
  type        = string
  nullable    = false
}

variable "repository" {
  description = "The repository as GitHub's tokens name it: owner/name, or owner@id/name@id."
  type        = string
  nullable    = false
}

variable "role_arns" {
  description = "ARNs of the stack's other roles."
  type        = list(string)
  nullable    = false
}

variable "state" {
  description = "Terraform's state: its bucket, the alias of the key, the object, and the locks beside it."
  type        = object({ bucket = string, key = string, key_alias = string, locks = list(string) })
  nullable    = false
}

variable "topic_arn" {
  description = "Topic of the alarms."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "The network."
  type        = string
  nullable    = false
}
