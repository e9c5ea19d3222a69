variable "name" {
  description = "Name of the parameter that holds the record."
  type        = string
  nullable    = false
}
