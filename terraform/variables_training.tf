# Variables for training: training jobs, the EC2 host, the notebook instance.

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
    error_message = "notebook.idle_minutes must be at least 15, or the notebook stops before anyone has logged in."
  }

  validation {
    condition     = var.notebook.volume_gb >= 5 && var.notebook.volume_gb <= 16384
    error_message = "notebook.volume_gb must be between 5 and 16384."
  }
}

variable "training" {
  description = "The image and the instances of training jobs."
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
    error_message = "training_host.ami_name must match AWS's Deep Learning AMIs, which contain PyTorch: it cannot be installed without internet access."
  }

  validation {
    condition     = var.training_host.idle_minutes >= 15
    error_message = "training_host.idle_minutes must be at least 15, or the host stops before anyone has logged in."
  }

  validation {
    condition     = var.training_host.volume_gb >= 60
    error_message = "training_host.volume_gb must be at least 60: the Deep Learning AMI needs most of it."
  }
}
