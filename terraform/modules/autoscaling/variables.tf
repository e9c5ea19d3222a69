variable "endpoint_name" {
  description = "Endpoint whose variant is scaled."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the variant."
  type        = string
  nullable    = false
}

variable "invocations_per_instance" {
  description = "Target value: invocations per instance and minute."
  type        = number
  nullable    = false
}

variable "max_instances" {
  description = "Maximum number of instances."
  type        = number
  nullable    = false
}

variable "min_instances" {
  description = "Minimum number of instances."
  type        = number
  nullable    = false
}

variable "scale_in_cooldown_seconds" {
  description = "Seconds after a scale-in before the next."
  type        = number
  nullable    = false
}

variable "scale_out_cooldown_seconds" {
  description = "Seconds after a scale-out before the next."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Variant that is scaled."
  type        = string
  nullable    = false
}
