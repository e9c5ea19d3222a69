variable "autoscaling" {
  description = "How the endpoint's instances follow the load."
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
    error_message = "autoscaling.invocations_per_instance is a number of invocations a minute: give one above 0."
  }

  validation {
    condition     = min(var.autoscaling.scale_in_cooldown_seconds, var.autoscaling.scale_out_cooldown_seconds) >= 0
    error_message = "autoscaling cooldowns are seconds: give 0 or more."
  }
}

variable "endpoint" {
  description = "What a release runs on. termination_wait_seconds is how long the alarms watch a new release before the old one goes."
  type = object({
    image_tag                = optional(string, "2.6.0-cpu-py312")
    instance_count           = optional(number, 1)
    instance_type            = optional(string, "ml.m5.large")
    termination_wait_seconds = optional(number, 120)
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.endpoint.instance_type, "ml.")
    error_message = "endpoint.instance_type is a SageMaker type: write ml.m5.large, not m5.large."
  }

  validation {
    condition     = var.endpoint.instance_count >= 1
    error_message = "endpoint.instance_count must be at least 1; to take the endpoint away set release = null."
  }

  validation {
    condition     = var.endpoint.termination_wait_seconds >= 0 && var.endpoint.termination_wait_seconds <= 3600
    error_message = "endpoint.termination_wait_seconds must lie between 0 and 3600."
  }
}

variable "environment" {
  description = "Which stack this is: local (the rehearsal), dev or prod."
  type        = string
  default     = "local"
  nullable    = false

  validation {
    condition     = contains(["local", "dev", "prod"], var.environment)
    error_message = "environment must be local, dev or prod: use the matching file, -var-file=environments/dev.tfvars."
  }
}

variable "function" {
  description = "The function that asks the endpoint. package is relative to this folder."
  type = object({
    log_level               = optional(string, "INFO")
    memory_mb               = optional(number, 512)
    package                 = optional(string, "../build/function/predict.zip")
    provisioned_concurrency = optional(number, 0)
    reserved_concurrency    = optional(number)
    timeout_seconds         = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.function.log_level)
    error_message = "function.log_level must be DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition     = var.function.memory_mb >= 128 && var.function.memory_mb <= 10240
    error_message = "function.memory_mb must lie between 128 and 10240."
  }

  validation {
    condition     = var.function.timeout_seconds >= 1 && var.function.timeout_seconds <= 900
    error_message = "function.timeout_seconds must lie between 1 and 900."
  }

  validation {
    condition     = try(var.function.reserved_concurrency >= 1, var.function.reserved_concurrency == null)
    error_message = "function.reserved_concurrency must be at least 1, or null to share the account's: AWS keeps 100 executions of the account unreserved (10 in new accounts with small quotas), so the quota must exceed the reservation by that much."
  }

  validation {
    condition = (
      var.function.provisioned_concurrency >= 0
      && var.function.provisioned_concurrency <= try(coalesce(var.function.reserved_concurrency), var.function.provisioned_concurrency)
    )
    error_message = "function.provisioned_concurrency counts against function.reserved_concurrency: lower it to 0 or more and at most the reservation, or raise the reservation."
  }
}

variable "network" {
  description = "The private network. zones are the letters of its availability zones; each interface endpoint costs some 7 dollars a month in each of interface_endpoint_zones zones."
  type = object({
    cidr_block               = optional(string, "10.42.0.0/16")
    interface_endpoints      = optional(set(string), ["logs", "sagemaker.api", "sagemaker.runtime", "ssm", "ssmmessages", "sts"])
    interface_endpoint_zones = optional(number, 2)
    zones                    = optional(list(string), ["a", "b"])
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(cidrsubnet(var.network.cidr_block, 4, 15))
    error_message = "network.cidr_block must be an address range with room for subnets: write 10.42.0.0/16."
  }

  validation {
    condition     = length(distinct(var.network.zones)) >= 2 && alltrue([for zone in var.network.zones : can(regex("^[a-z]$", zone))])
    error_message = "network.zones must hold two or more different letters: write [\"a\", \"b\"] for us-east-1a and us-east-1b."
  }

  validation {
    condition     = var.network.interface_endpoint_zones >= 1 && var.network.interface_endpoint_zones <= length(var.network.zones)
    error_message = "network.interface_endpoint_zones must be at least 1 and at most the number of network.zones."
  }
}

variable "notebook" {
  description = "The notebook instance, which stops itself after idle_minutes without work."
  type = object({
    idle_minutes  = optional(number, 60)
    instance_type = optional(string, "ml.t3.medium")
    volume_gb     = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.notebook.instance_type, "ml.")
    error_message = "notebook.instance_type is a SageMaker type: write ml.t3.medium, not t3.medium."
  }

  validation {
    condition     = var.notebook.idle_minutes >= 15
    error_message = "notebook.idle_minutes must be at least 15, or the notebook stops before anybody has logged in."
  }

  validation {
    condition     = var.notebook.volume_gb >= 5 && var.notebook.volume_gb <= 16384
    error_message = "notebook.volume_gb must lie between 5 and 16384."
  }
}

variable "observability" {
  description = "Logs, alarms and the budget. own_shared_log_groups is false where another stack of this account, or SageMaker itself, already made /aws/sagemaker/TrainingJobs and NotebookInstances."
  type = object({
    budget_usd            = optional(number, 50)
    emails                = optional(set(string), [])
    latency_p99_ms        = optional(number, 2000)
    own_shared_log_groups = optional(bool, true)
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
    error_message = "observability.emails must hold e-mail addresses: write [\"ops@example.com\"]."
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
    error_message = "observability.retention_days must be one of CloudWatch's steps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every workload's role, where the organisation demands one."
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
    error_message = "project must be 3 to 12 lowercase letters, digits and hyphens, beginning with a letter: bucket and endpoint names are made of it."
  }
}

variable "region" {
  description = "Region of the stack."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "release" {
  description = "The release that the endpoint serves; null deploys none. `./kennel deploy` writes it. instance_count carries the live count over a release, which SageMaker would otherwise reset."
  type = object({
    id             = string
    image          = optional(string)
    instance_count = optional(number)
    model_data_url = string
  })
  default = null

  validation {
    condition     = var.release == null || can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]{0,22}[a-zA-Z0-9])?$", var.release.id))
    error_message = "release.id must be 1 to 24 letters, digits and hyphens: SageMaker's model name is made of it. `./kennel releases` lists the ids."
  }

  validation {
    condition     = var.release == null || can(regex("^s3://[^/]+/releases/.+\\.tar\\.gz$", var.release.model_data_url))
    error_message = "release.model_data_url must be s3://<artifact bucket>/releases/<id>/model.tar.gz: the endpoint's role reads nothing else."
  }

  validation {
    condition     = try(var.release.image, null) == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[^/]+/[^:@]+[:@].+$", var.release.image))
    error_message = "release.image must be a full ECR image, <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or null for AWS's PyTorch image."
  }

  validation {
    condition     = try(var.release.instance_count, null) == null || try(var.release.instance_count >= 1, false)
    error_message = "release.instance_count must be at least 1, or null for endpoint.instance_count."
  }
}

variable "s3_use_path_style" {
  description = "Whether S3 is addressed by path: the local cloud needs it, AWS does not."
  type        = bool
  default     = false
  nullable    = false
}

variable "storage" {
  description = "The buckets and their key. force_destroy lets destroy delete what the buckets hold."
  type = object({
    force_destroy     = optional(bool, false)
    key_deletion_days = optional(number, 30)
    noncurrent_days   = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.key_deletion_days >= 7 && var.storage.key_deletion_days <= 30
    error_message = "storage.key_deletion_days must lie between 7 and 30."
  }

  validation {
    condition     = var.storage.noncurrent_days >= 1
    error_message = "storage.noncurrent_days must be at least 1."
  }
}

variable "training" {
  description = "What training jobs run on."
  type = object({
    image_tag     = optional(string, "2.9.0-cpu-py312")
    instance_type = optional(string, "ml.m5.xlarge")
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.training.instance_type, "ml.")
    error_message = "training.instance_type is a SageMaker type: write ml.m5.xlarge, not m5.xlarge."
  }
}

variable "training_host" {
  description = "The EC2 host, which shuts itself down after idle_minutes without work. ami_name is the pattern of the Deep Learning AMI; the newest match is taken."
  type = object({
    ami_name      = optional(string, "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.* (Ubuntu 22.04) ????????")
    idle_minutes  = optional(number, 60)
    instance_type = optional(string, "m5.xlarge")
    volume_gb     = optional(number, 80)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !startswith(var.training_host.instance_type, "ml.")
    error_message = "training_host.instance_type is an EC2 type: write m5.xlarge, not ml.m5.xlarge."
  }

  validation {
    condition     = strcontains(var.training_host.ami_name, "Deep Learning")
    error_message = "training_host.ami_name must match AWS's Deep Learning AMIs, which bring PyTorch: the network has no way to install it."
  }

  validation {
    condition     = var.training_host.idle_minutes >= 15
    error_message = "training_host.idle_minutes must be at least 15, or the host stops before anybody has logged in."
  }

  validation {
    condition     = var.training_host.volume_gb >= 60
    error_message = "training_host.volume_gb must be at least 60: the Deep Learning AMI fills most of it."
  }
}
