# A partial configuration: bucket and region depend on the account, so they are given at init:
#   terraform init -backend-config="bucket=<state bucket>" -backend-config="region=<region>"
# (against the local cloud also -backend-config="use_path_style=true").
terraform {
  backend "s3" {
    key          = "kennel/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
