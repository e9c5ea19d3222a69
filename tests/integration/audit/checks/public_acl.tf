resource "aws_s3_bucket_acl" "fail_literal" {
  bucket = "bucket-of-another-stack"
  acl    = "public-read"
}

resource "aws_s3_bucket_acl" "fail_grant" {
  bucket = "bucket-of-another-stack"
  access_control_policy {
    grant {
      grantee {
        type = "Group"
        uri  = "http://acs.amazonaws.com/groups/global/AllUsers"
      }
      permission = "READ"
    }
    owner {
      id = "x"
    }
  }
}

resource "aws_s3_bucket_acl" "pass_private" {
  bucket = "bucket"
  acl    = "private"
}
