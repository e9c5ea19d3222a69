variable "dead_letter_queue_name" {
  description = "Name of the queue for events that failed all attempts."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "The function's environment variables; ENDPOINT_NAME is the endpoint that it invokes."
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
  description = "Memory in MB, which also determines the CPU share."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the function."
  type        = string
  nullable    = false
}

variable "package" {
  description = "Path of the zip, as built by `./kennel stack.build`."
  type        = string
  nullable    = false
}

variable "provisioned_concurrency" {
  description = "Provisioned concurrency of the alias; 0 for none."
  type        = number
  default     = 0
  nullable    = false
}

variable "provisioned_concurrency_max" {
  description = "Maximum of the provisioned concurrency, which then follows its utilisation; 0 for a fixed one."
  type        = number
  default     = 0
  nullable    = false
}

variable "provisioned_utilization" {
  description = "Share of the provisioned concurrency that is to be in use, 0.1 to 0.9."
  type        = number
  default     = 0.7
  nullable    = false
}

variable "region" {
  description = "Region of the stack; part of the name of the policy for callers of the URL."
  type        = string
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, which is also the limit; null to share the account's."
  type        = number
  default     = null
}

variable "role_arn" {
  description = "Execution role of the function."
  type        = string
  nullable    = false
}

variable "timeout_seconds" {
  description = "Time limit of one invocation in seconds."
  type        = number
  nullable    = false
}

variable "url" {
  description = "Whether the alias has a URL, which answers signed requests."
  type        = bool
  default     = false
  nullable    = false
}
