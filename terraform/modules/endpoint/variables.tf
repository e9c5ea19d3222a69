variable "image" {
  description = "Container image that serves the release."
  type        = string
  nullable    = false
}

variable "instance_count" {
  description = "Instances that a new configuration starts with; SageMaker resets the live count to it."
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
  description = "What to serve: the release's id and its archive."
  type        = object({ id = string, model_data_url = string })
  nullable    = false
}

variable "role_arn" {
  description = "Role that the endpoint runs as."
  type        = string
  nullable    = false
}

variable "rollback_alarms" {
  description = "Alarms that roll a deployment back."
  type        = list(string)
  nullable    = false
}

variable "termination_wait_seconds" {
  description = "Seconds that the alarms are watched before the old instances go."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Name of the variant; it must stay the same from release to release."
  type        = string
  nullable    = false
}
