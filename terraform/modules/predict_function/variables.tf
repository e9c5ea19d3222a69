variable "dead_letter_queue_name" {
  description = "Name of the queue that keeps events the function gave up on."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "The function's environment variables; ENDPOINT_NAME is the endpoint that it asks."
  type        = map(string)
  nullable    = false
}

variable "key_arn" {
  description = "Key that encrypts the environment variables."
  type        = string
  nullable    = false
}

variable "log_group" {
  description = "Log group of the function, which must exist first."
  type        = string
  nullable    = false
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the function."
  type        = string
  nullable    = false
}

variable "package" {
  description = "Path of the zip, as `./kennel stack.build` makes it."
  type        = string
  nullable    = false
}

variable "provisioned_concurrency" {
  description = "Executions kept warm on the alias; 0 keeps none."
  type        = number
  default     = 0
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Executions set aside for this function, which are also its limit; null shares the account's."
  type        = number
  default     = null
}

variable "role_arn" {
  description = "Role that the function runs as."
  type        = string
  nullable    = false
}

variable "timeout_seconds" {
  description = "Seconds that one call may take."
  type        = number
  nullable    = false
}
