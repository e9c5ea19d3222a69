# What validations read besides variables. The variables are the root's own files: a plan of them alone starts no
# provider.

locals {
  image_table = jsondecode(file("${path.module}/../../images.json"))
}
