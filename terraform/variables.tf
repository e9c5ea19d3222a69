# Variables of the whole stack: names, storage, network, observability. Those of the other areas are in
# variables_serving.tf and variables_training.tf.

variable "environment" {
  description = "Name of the environment: local (the rehearsal), dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["local", "dev", "prod"], var.environment)
    error_message = "environment must be local, dev or prod: use the matching file, -var-file=environments/dev.tfvars."
  }
}

variable "network" {
  description = "The private network. zones are the letters of its availability zones. interface_endpoints null has those that the notebook and the training host call, and none without them; each is billed by the hour in each of interface_endpoint_zones zones (./kennel cost)."
  type = object({
    cidr_block               = optional(string, "10.42.0.0/16")
    interface_endpoints      = optional(set(string))
    interface_endpoint_zones = optional(number, 2)
    zones                    = optional(list(string), ["a", "b"])
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(cidrsubnet(var.network.cidr_block, 4, 15))
    error_message = "network.cidr_block must be an address range large enough for subnets: write 10.42.0.0/16."
  }

  validation {
    condition     = length(distinct(var.network.zones)) >= 2 && alltrue([for zone in var.network.zones : can(regex("^[a-z]$", zone))])
    error_message = "network.zones must have two or more different letters: write [\"a\", \"b\"] for us-east-1a and us-east-1b."
  }

  validation {
    condition     = var.network.interface_endpoint_zones >= 1 && var.network.interface_endpoint_zones <= length(var.network.zones)
    error_message = "network.interface_endpoint_zones must be at least 1 and at most the number of network.zones."
  }
}

variable "observability" {
  description = "Logs, alarms and the budget. own_shared_log_groups may be true in one stack of the account, if neither SageMaker nor another stack has created /aws/sagemaker/TrainingJobs and NotebookInstances yet: destroying that stack deletes the logs of all."
  type = object({
    budget_usd            = optional(number, 50)
    emails                = optional(set(string), [])
    latency_minutes       = optional(number, 3)
    latency_p99_ms        = optional(number, 2000)
    own_shared_log_groups = optional(bool, false)
    retention_days        = optional(number, 365)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.observability.budget_usd > 0
    error_message = "observability.budget_usd must be above 0: it is the monthly limit in US dollars."
  }

  validation {
    condition     = alltrue([for email in var.observability.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "observability.emails must be e-mail addresses: write [\"ops@example.com\"]."
  }

  validation {
    condition     = var.environment != "prod" || length(var.observability.emails) > 0
    error_message = "observability.emails must have an address in prod, or nobody learns of an alarm: write emails = [\"ops@example.com\"] into environments/prod.tfvars."
  }

  validation {
    condition     = var.observability.latency_minutes >= 1 && var.observability.latency_minutes <= 60
    error_message = "observability.latency_minutes must be between 1 and 60: for so long the p99 latency exceeds its limit before the alarm goes off."
  }

  validation {
    condition     = var.observability.latency_p99_ms > 0
    error_message = "observability.latency_p99_ms must be above 0: it is the alarm's limit in milliseconds."
  }

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.observability.retention_days,
    )
    error_message = "observability.retention_days must be one of CloudWatch's values: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary of every workload's role, if the organisation requires one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[^:]+:iam::[^:]+:policy/", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "project" {
  description = "First part of every name, and the Project tag."
  type        = string
  default     = "kennel"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,10}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 12 lowercase letters, digits and hyphens, beginning with a letter: it is part of bucket and endpoint names."
  }
}

variable "region" {
  description = "Region of the stack."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Whether S3 is addressed by path: the local cloud requires it, AWS does not."
  type        = bool
  default     = false
  nullable    = false
}

variable "storage" {
  description = "The buckets and their key. With force_destroy, destroy deletes the buckets' contents. With protected, Terraform refuses every plan that destroys or replaces a bucket or the key."
  type = object({
    force_destroy     = optional(bool, false)
    key_deletion_days = optional(number, 30)
    noncurrent_days   = optional(number, 30)
    protected         = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.key_deletion_days >= 7 && var.storage.key_deletion_days <= 30
    error_message = "storage.key_deletion_days must be between 7 and 30."
  }

  validation {
    condition     = var.storage.noncurrent_days >= 1
    error_message = "storage.noncurrent_days must be at least 1."
  }

  validation {
    condition     = !(var.storage.protected && var.storage.force_destroy)
    error_message = "storage.protected and storage.force_destroy exclude each other: set one of them to false."
  }
}
