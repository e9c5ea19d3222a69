# Partial on purpose: the bucket and its region belong to the account, so they come at init:
#   terraform init -backend-config="bucket=<state bucket>" -backend-config="region=<region>"
# (against the local cloud also -backend-config="use_path_style=true").
terraform {
  backend "s3" {
    key          = "kennel/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
