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
  description = "Invocations per instance and minute that the steps are multiples of."
  type        = number
  nullable    = false
}

variable "max_instances" {
  description = "Maximum number of instances."
  type        = number
  nullable    = false
}

variable "metric" {
  description = "What is tracked: INVOCATIONS per instance and minute, or CONCURRENCY, the requests being answered, every ten seconds."
  type        = string
  default     = "INVOCATIONS"
  nullable    = false

  validation {
    condition     = contains(["CONCURRENCY", "INVOCATIONS"], var.metric)
    error_message = "metric must be INVOCATIONS or CONCURRENCY."
  }
}

variable "min_instances" {
  description = "Minimum number of instances."
  type        = number
  nullable    = false
}

variable "scale_in" {
  description = "Whether target tracking removes instances; otherwise only a schedule's limits do."
  type        = bool
  default     = true
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

variable "schedules" {
  description = "Limits from a time on, by name: schedule is cron(...), rate(...) or at(...)."
  type = map(object({
    max_instances = number
    min_instances = number
    schedule      = string
    timezone      = optional(string, "UTC")
  }))
  default  = {}
  nullable = false
}

variable "surge_alarm_name" {
  description = "Name of the alarm that starts the steps."
  type        = string
  default     = null
}

variable "surge_steps" {
  description = "Percent of instances to add while each has more than so many times invocations_per_instance, the smallest first."
  type        = list(object({ add_percent = number, over = number }))
  default     = []
  nullable    = false
}

variable "target_value" {
  description = "Target of what is tracked."
  type        = number
  nullable    = false
}

variable "variant" {
  description = "Variant that is scaled."
  type        = string
  nullable    = false
}
