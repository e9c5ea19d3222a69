variable "image" {
  description = "Container image that serves the release."
  type        = string
  nullable    = false
}

variable "instance_count" {
  description = "Initial number of instances of a new configuration; SageMaker resets the current number to it."
  type        = number
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the variant."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the instances' volumes."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the endpoint."
  type        = string
  nullable    = false
}

variable "release" {
  description = "The release to serve: its id and the S3 address of its archive."
  type        = object({ id = string, model_data_url = string })
  nullable    = false
}

variable "role_arn" {
  description = "Execution role of the endpoint."
  type        = string
  nullable    = false
}

variable "rollback_alarms" {
  description = "Alarms that roll a deployment back."
  type        = list(string)
  nullable    = false
}

variable "termination_wait_seconds" {
  description = "Seconds for which SageMaker watches the alarms before it terminates the old instances."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Name of the variant; it must be the same for all releases."
  type        = string
  nullable    = false
}
