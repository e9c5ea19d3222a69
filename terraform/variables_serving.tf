# Variables for predictions: endpoint, autoscaling, function. What is deployed is no variable, see modules/release.

variable "autoscaling" {
  description = "Target tracking of the endpoint's number of instances."
  type = object({
    invocations_per_instance   = optional(number, 120)
    max_instances              = optional(number, 4)
    min_instances              = optional(number, 1)
    scale_in_cooldown_seconds  = optional(number, 300)
    scale_out_cooldown_seconds = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.autoscaling.min_instances >= 1 && var.autoscaling.max_instances >= var.autoscaling.min_instances
    error_message = "autoscaling.min_instances must be at least 1 and at most autoscaling.max_instances: raise max_instances or lower min_instances."
  }

  validation {
    condition     = var.autoscaling.invocations_per_instance > 0
    error_message = "autoscaling.invocations_per_instance is a number of invocations per minute: it must be above 0."
  }

  validation {
    condition     = min(var.autoscaling.scale_in_cooldown_seconds, var.autoscaling.scale_out_cooldown_seconds) >= 0
    error_message = "autoscaling cooldowns are in seconds: they must be 0 or more."
  }
}

variable "endpoint" {
  description = "The instances that serve a release; their number and type take effect with the next deployment. startup_timeout_seconds is the time that a new instance's container has to become healthy, before the deployment fails. termination_wait_seconds is the time for which the alarms watch a new release before the old instances are terminated."
  type = object({
    instance_count           = optional(number, 1)
    instance_type            = optional(string, "ml.m5.large")
    startup_timeout_seconds  = optional(number, 300)
    termination_wait_seconds = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.endpoint.instance_type, "ml.")
    error_message = "endpoint.instance_type is a SageMaker type: write ml.m5.large, not m5.large."
  }

  validation {
    condition     = var.endpoint.instance_count >= 1
    error_message = "endpoint.instance_count must be at least 1."
  }

  validation {
    condition     = var.endpoint.startup_timeout_seconds >= 60 && var.endpoint.startup_timeout_seconds <= 3600
    error_message = "endpoint.startup_timeout_seconds must be between 60 and 3600."
  }

  validation {
    condition     = var.endpoint.termination_wait_seconds >= 0 && var.endpoint.termination_wait_seconds <= 3600
    error_message = "endpoint.termination_wait_seconds must be between 0 and 3600."
  }

  # The metrics of a minute arrive up to a minute later. A rehearsal does not wait.
  validation {
    condition     = var.environment == "local" || var.endpoint.termination_wait_seconds >= 60 * (var.observability.latency_minutes + 1)
    error_message = "endpoint.termination_wait_seconds must be at least 60 x (observability.latency_minutes + 1), or the old instances are gone before the latency alarm can go off: raise it, or lower latency_minutes."
  }
}

variable "function" {
  description = "The function that invokes the endpoint. package is relative to this folder. With url it has a URL, which answers signed requests (SigV4) of principals with the permissions of the policy in the output function."
  type = object({
    log_level               = optional(string, "INFO")
    memory_mb               = optional(number, 512)
    package                 = optional(string, "../build/function/predict.zip")
    provisioned_concurrency = optional(number, 0)
    reserved_concurrency    = optional(number)
    timeout_seconds         = optional(number, 30)
    url                     = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.function.log_level)
    error_message = "function.log_level must be DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition     = var.function.memory_mb >= 128 && var.function.memory_mb <= 10240
    error_message = "function.memory_mb must be between 128 and 10240."
  }

  validation {
    condition     = var.function.timeout_seconds >= 1 && var.function.timeout_seconds <= 900
    error_message = "function.timeout_seconds must be between 1 and 900."
  }

  validation {
    condition     = try(var.function.reserved_concurrency >= 1, var.function.reserved_concurrency == null)
    error_message = "function.reserved_concurrency must be at least 1, or null to share the account's concurrency: AWS keeps 100 executions of the account unreserved (10 in new accounts with small quotas), so the quota must exceed the reservation by that much."
  }

  validation {
    condition = (
      var.function.provisioned_concurrency >= 0
      && var.function.provisioned_concurrency <= try(coalesce(var.function.reserved_concurrency), var.function.provisioned_concurrency)
    )
    error_message = "function.provisioned_concurrency counts against function.reserved_concurrency: lower it to 0 or more and at most the reservation, or raise the reservation."
  }
}
