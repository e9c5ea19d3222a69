variable "ami_id" {
  description = "Image of a new host; null is the one that ami_parameter names."
  type        = string
  default     = null
}

variable "ami_parameter" {
  description = "Public parameter of Systems Manager that names the newest Deep Learning AMI of a family."
  type        = string
  nullable    = false
}

variable "instance_profile" {
  description = "Instance profile with the host's role."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the host."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "Key of the root volume."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name tag of the host; its role may stop instances with this tag."
  type        = string
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the host."
  type        = list(string)
  nullable    = false
}

variable "subnet_id" {
  description = "Private subnet of the host."
  type        = string
  nullable    = false
}

variable "user_data" {
  description = "Script that prepares the host at its first start."
  type        = string
  nullable    = false
}

variable "volume_gb" {
  description = "Size of the root volume in GB; the image needs some 45 GB."
  type        = number
  nullable    = false
}
