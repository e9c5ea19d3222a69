resource "aws_s3_bucket_acl" "w01_literal_bucket" {
  bucket = "photos-of-another-stack"
  acl    = "public-read"
}

resource "aws_s3_bucket_acl" "w02_granted_to_everyone" {
  bucket = "photos-of-another-stack"

  access_control_policy {
    grant {
      grantee {
        type = "Group"
        uri  = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
      }
      permission = "WRITE"
    }
    owner {
      id = "1"
    }
  }
}

resource "aws_s3_bucket_policy" "w03_everyone_reads" {
  bucket = "photos-of-another-stack"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::photos/*" }]
  })
}

resource "aws_sns_topic_policy" "w04_everyone_publishes" {
  arn = "arn:aws:sns:us-east-1:${local.account}:retrain"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = "sns:Publish"
      Resource  = "arn:aws:sns:us-east-1:${local.account}:retrain"
      Condition = { StringEqualsIfExists = { "aws:SourceAccount" = local.account } }
    }]
  })
}
