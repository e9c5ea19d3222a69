variable "artifact_bucket" {
  description = "Bucket with the repository's bundle."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment variables of all shells on the notebook."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "idle_minutes" {
  description = "Minutes without work after which the notebook stops itself."
  type        = number
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the notebook."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the notebook's volume."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the notebook instance."
  type        = string
  nullable    = false
}

variable "platform" {
  description = "Operating system and JupyterLab of a new instance; null is AWS's choice."
  type        = string
  default     = null
}

variable "region" {
  description = "Default region on the notebook."
  type        = string
  nullable    = false
}

variable "role_arn" {
  description = "Execution role of the notebook."
  type        = string
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the notebook."
  type        = list(string)
  nullable    = false
}

variable "subnet_id" {
  description = "Private subnet of the notebook."
  type        = string
  nullable    = false
}

variable "volume_gb" {
  description = "Size of the notebook's volume."
  type        = number
  nullable    = false
}
