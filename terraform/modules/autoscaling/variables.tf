variable "endpoint_name" {
  description = "Endpoint whose variant is scaled."
  type        = string
  nullable    = false
}

variable "invocations_per_instance" {
  description = "Invocations a minute that one instance should get."
  type        = number
  nullable    = false
}

variable "max_instances" {
  description = "Most instances."
  type        = number
  nullable    = false
}

variable "min_instances" {
  description = "Fewest instances."
  type        = number
  nullable    = false
}

variable "scale_in_cooldown_seconds" {
  description = "Seconds between two steps down."
  type        = number
  nullable    = false
}

variable "scale_out_cooldown_seconds" {
  description = "Seconds between two steps up."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Variant that is scaled."
  type        = string
  nullable    = false
}
