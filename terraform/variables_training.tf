# Variables for training: training jobs, the EC2 host, the notebook instance.

variable "notebook" {
  description = "The notebook instance, which stops itself after idle_minutes without work. platform null is AWS's choice, at present Amazon Linux 2023, which versions of the provider before 6 cannot name. What the notebook starts may run on the types of training and endpoint, and on job_instance_types."
  type = object({
    enabled            = optional(bool, true)
    idle_minutes       = optional(number, 60)
    instance_type      = optional(string, "ml.t3.medium")
    job_instance_types = optional(set(string), [])
    platform           = optional(string)
    volume_gb          = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.notebook.instance_type, "ml.")
    error_message = "notebook.instance_type is a SageMaker type: write ml.t3.medium, not t3.medium."
  }

  validation {
    condition     = alltrue([for type in var.notebook.job_instance_types : can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9-]+$", type))])
    error_message = "notebook.job_instance_types are SageMaker types: write [\"ml.g5.xlarge\"]."
  }

  validation {
    condition     = var.notebook.idle_minutes >= 15
    error_message = "notebook.idle_minutes must be at least 15, or the notebook stops before anyone has logged in."
  }

  validation {
    condition     = try(!can(regex("^notebook-al[12]-", var.notebook.platform)), true)
    error_message = "notebook.platform must not be of Amazon Linux 1 or 2, on which AWS creates no notebook any more: write null for AWS's choice."
  }

  validation {
    condition     = var.notebook.volume_gb >= 5 && var.notebook.volume_gb <= 16384
    error_message = "notebook.volume_gb must be between 5 and 16384."
  }
}

variable "training" {
  description = "The instances of training jobs, and their image: null is AWS's for the instance type, of images.json."
  type = object({
    image         = optional(string)
    instance_type = optional(string, "ml.m5.xlarge")
  })
  default  = {}
  nullable = false

  validation {
    condition     = startswith(var.training.instance_type, "ml.")
    error_message = "training.instance_type is a SageMaker type: write ml.m5.xlarge, not m5.xlarge."
  }

  validation {
    condition     = var.training.image == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[^/]+/[^:@]+[:@].+$", var.training.image))
    error_message = "training.image must be a full ECR image, <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or null for AWS's PyTorch image."
  }
}

variable "training_host" {
  description = "The EC2 host, which shuts itself down after idle_minutes without work. A new one has the image ami_id, or the one that AWS's parameter names at that time; an existing one keeps its image."
  type = object({
    ami_id        = optional(string)
    ami_parameter = optional(string, "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.12-ubuntu-24.04/latest/ami-id")
    enabled       = optional(bool, true)
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
    condition     = var.training_host.ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.training_host.ami_id))
    error_message = "training_host.ami_id must be the id of an image, ami-0123456789abcdef0, or null for the one that AWS's parameter names."
  }

  validation {
    condition     = can(regex("^/aws/service/deeplearning/ami/x86_64/.*pytorch.*/ami-id$", var.training_host.ami_parameter))
    error_message = "training_host.ami_parameter must name an x86_64 Deep Learning AMI with PyTorch, which cannot be installed without internet access: /aws/service/deeplearning/ami/x86_64/<type>/latest/ami-id."
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
