variable "account_id" {
  description = "Account of the stack, with which trust policies compare aws:SourceAccount."
  type        = string
  nullable    = false
}

variable "buckets" {
  description = "Names of the buckets that workloads read and write."
  type        = object({ artifacts = string, data = string })
  nullable    = false
}

variable "dead_letter_queue_name" {
  description = "Queue of the function's dead letters."
  type        = string
  nullable    = false
}

variable "endpoint_name" {
  description = "The endpoint that may be invoked."
  type        = string
  nullable    = false
}

variable "image_repository_arns" {
  description = "Repositories of the training and inference images."
  type        = object({ inference = set(string), training = set(string) })
  nullable    = false
}

variable "job_instance_types" {
  description = "SageMaker types on which the notebook may start jobs and trial endpoints. For those with local disks, no request names the key."
  type        = object({ with_local_disk = list(string), without_local_disk = list(string) })
  nullable    = false
}

variable "key_arn" {
  description = "KMS key that encrypts all data at rest."
  type        = string
  nullable    = false
}

variable "log_groups" {
  description = "Names of the log groups by workload."
  type = object({
    endpoint      = string
    function      = string
    notebook      = string
    proof         = string
    training      = string
    training_host = string
  })
  nullable = false
}

variable "name" {
  description = "Prefix of the stack's names."
  type        = string
  nullable    = false
}

variable "network" {
  description = "Subnets and security groups of training jobs."
  type        = object({ security_group_ids = list(string), subnet_ids = list(string) })
  nullable    = false
}

variable "notebook_name" {
  description = "The notebook instance that may stop itself."
  type        = string
  nullable    = false
}

variable "notebook_prefix" {
  description = "Prefix in the artifact bucket of what the notebook uploads, ending in a slash."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "Partition of every ARN (aws, aws-cn, aws-us-gov)."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every role, if the organisation requires one."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the stack."
  type        = string
  nullable    = false
}
