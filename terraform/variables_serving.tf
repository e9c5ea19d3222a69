# Variables for predictions: endpoint, autoscaling, function. What is deployed is no variable, see modules/release.

variable "autoscaling" {
  description = "The endpoint's number of instances, docs/scaling.md has the reasons. metric is what target tracking follows: INVOCATIONS, each instance's of a minute, or CONCURRENCY, the requests that each is answering, measured every ten seconds. surge_steps add add_percent of the instances once each has over times its invocations_per_instance in one minute. schedules set other limits, by name, from a time on."
  type = object({
    concurrent_requests_per_instance = optional(number, 2)
    invocations_per_instance         = optional(number, 300)
    max_instances                    = optional(number, 4)
    metric                           = optional(string, "INVOCATIONS")
    min_instances                    = optional(number, 1)
    scale_in                         = optional(bool, true)
    scale_in_cooldown_seconds        = optional(number, 300)
    scale_out_cooldown_seconds       = optional(number, 60)
    schedules = optional(map(object({
      max_instances = number
      min_instances = number
      schedule      = string
      timezone      = optional(string, "UTC")
    })), {})
    surge_steps = optional(list(object({ add_percent = number, over = number })), [])
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
    condition     = contains(["CONCURRENCY", "INVOCATIONS"], var.autoscaling.metric) && var.autoscaling.concurrent_requests_per_instance > 0
    error_message = "autoscaling.metric must be INVOCATIONS or CONCURRENCY, and autoscaling.concurrent_requests_per_instance above 0."
  }

  validation {
    condition = alltrue([
      for schedule in values(var.autoscaling.schedules) :
      can(regex("^(cron|rate|at)\\(.+\\)$", schedule.schedule)) && schedule.min_instances >= 1 && schedule.max_instances >= schedule.min_instances
    ])
    error_message = "autoscaling.schedules need an expression such as cron(0 7 ? * MON-FRI *), and limits from 1 on, of which min_instances is at most max_instances: an endpoint of instances keeps at least one."
  }

  validation {
    condition = alltrue([
      for index, step in var.autoscaling.surge_steps :
      step.add_percent > 0 && step.over > (index == 0 ? 1 : var.autoscaling.surge_steps[max(index - 1, 0)].over)
    ])
    error_message = "autoscaling.surge_steps begin above 1 time the invocations, the smallest first, and add instances: write [{ over = 2, add_percent = 100 }]."
  }

  validation {
    condition     = min(var.autoscaling.scale_in_cooldown_seconds, var.autoscaling.scale_out_cooldown_seconds) >= 0
    error_message = "autoscaling cooldowns are in seconds: they must be 0 or more."
  }
}

variable "endpoint" {
  description = "What serves a release; instance_count, instance_type and serverless take effect with the next deployment. rollout is how the traffic moves to it: ALL_AT_ONCE, CANARY, LINEAR or ROLLING; null is ROLLING for types with a GPU, else CANARY, and always ALL_AT_ONCE while there is one instance. rollout_percent of the instances, rounded up to whole ones, are in the canary, each step or each batch, after which the alarms are watched for bake_seconds; after the last one they are watched for termination_wait_seconds more, before the old instances are terminated. startup_timeout_seconds is the time that a new instance's container has to become healthy, before the deployment fails. With serverless there are no instances, and no network isolation, which AWS has not there."
  type = object({
    bake_seconds    = optional(number, 300)
    instance_count  = optional(number, 1)
    instance_type   = optional(string, "ml.m5.large")
    rollout         = optional(string)
    rollout_percent = optional(number, 20)
    serverless = optional(object({
      max_concurrency = optional(number, 5)
      memory_mb       = optional(number, 4096)
    }))
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
    condition     = var.environment == "local" || min(var.endpoint.bake_seconds, var.endpoint.termination_wait_seconds) >= 60 * (var.observability.latency_minutes + 1)
    error_message = "endpoint.bake_seconds and endpoint.termination_wait_seconds must be at least 60 x (observability.latency_minutes + 1), or a step ends before the latency alarm can go off: raise them, or lower latency_minutes."
  }

  validation {
    condition     = var.endpoint.bake_seconds >= 0 && var.endpoint.bake_seconds <= 3600
    error_message = "endpoint.bake_seconds must be between 0 and 3600."
  }

  validation {
    condition     = var.endpoint.rollout == null || contains(["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"], coalesce(var.endpoint.rollout, "CANARY"))
    error_message = "endpoint.rollout must be ALL_AT_ONCE, CANARY, LINEAR or ROLLING, or null for what fits the instances."
  }

  # AWS: a step is at most half of the instances.
  validation {
    condition = (
      contains(["ALL_AT_ONCE", "null"], coalesce(var.endpoint.rollout, "null")) || var.endpoint.serverless != null
      || min(var.endpoint.instance_count, var.autoscaling.min_instances) >= 2
    )
    error_message = "endpoint.rollout moves a part of the instances first, at most half of them: raise endpoint.instance_count and autoscaling.min_instances to 2, or write rollout = null, which waits for a second instance."
  }

  validation {
    condition     = var.endpoint.rollout_percent >= 10 && var.endpoint.rollout_percent <= 50
    error_message = "endpoint.rollout_percent must be between 10 and 50, which AWS allows for every kind of rollout."
  }

  # The provider waits for an hour; a batch of a rolling update also waits for its instances.
  validation {
    condition = anytrue([
      var.environment == "local",
      !contains(["LINEAR", "ROLLING"], coalesce(var.endpoint.rollout, "null")),
      ceil(100 / var.endpoint.rollout_percent) * (var.endpoint.bake_seconds + (var.endpoint.rollout == "ROLLING" ? 300 : 0)) + var.endpoint.termination_wait_seconds <= 3300,
    ])
    error_message = "endpoint.rollout has so many steps of endpoint.bake_seconds that a deployment would outlast the hour for which Terraform waits: raise rollout_percent, or lower bake_seconds."
  }

  validation {
    condition     = var.endpoint.serverless == null || contains([1024, 2048, 3072, 4096, 5120, 6144], try(var.endpoint.serverless.memory_mb, 0))
    error_message = "endpoint.serverless.memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144."
  }

  validation {
    condition     = try(var.endpoint.serverless.max_concurrency >= 1 && var.endpoint.serverless.max_concurrency <= 200, var.endpoint.serverless == null)
    error_message = "endpoint.serverless.max_concurrency must be between 1 and 200; an account has 10 of them in most regions until its quota is raised."
  }

  validation {
    condition     = var.endpoint.serverless == null || !can(regex(local.image_table.gpu_instance_types, var.endpoint.instance_type))
    error_message = "endpoint.serverless has no GPU: write an endpoint.instance_type without one, such as ml.m5.large, which decides the image."
  }
}

variable "function" {
  description = "The function that invokes the endpoint. With provisioned_concurrency_max the provisioned concurrency is scaled between the two numbers, so that the share provisioned_utilization of it is in use. package is relative to this folder. With url it has a URL, which answers signed requests (SigV4) of principals with the permissions of the policy in the output function."
  type = object({
    log_level                   = optional(string, "INFO")
    memory_mb                   = optional(number, 512)
    package                     = optional(string, "../build/function/predict.zip")
    provisioned_concurrency     = optional(number, 0)
    provisioned_concurrency_max = optional(number, 0)
    provisioned_utilization     = optional(number, 0.7)
    reserved_concurrency        = optional(number)
    timeout_seconds             = optional(number, 30)
    url                         = optional(bool, false)
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

  validation {
    condition = (
      var.function.provisioned_concurrency_max == 0
      || (
        var.function.provisioned_concurrency >= 1
        && var.function.provisioned_concurrency_max > var.function.provisioned_concurrency
        && var.function.provisioned_concurrency_max <= try(coalesce(var.function.reserved_concurrency), var.function.provisioned_concurrency_max)
      )
    )
    error_message = "function.provisioned_concurrency_max must be above function.provisioned_concurrency, which must be at least 1, and at most function.reserved_concurrency; write 0 for a fixed number."
  }

  validation {
    condition     = var.function.provisioned_utilization >= 0.1 && var.function.provisioned_utilization <= 0.9
    error_message = "function.provisioned_utilization must be between 0.1 and 0.9."
  }
}
