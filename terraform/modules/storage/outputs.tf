output "artifact_bucket" {
  description = "Name of the artifact bucket."
  value       = aws_s3_bucket.this["artifacts"].bucket
}

output "data_bucket" {
  description = "Name of the data bucket."
  value       = aws_s3_bucket.this["data"].bucket
}

output "key_arn" {
  description = "ARN of the key that encrypts the stack."
  value       = aws_kms_key.this.arn
}

output "log_bucket" {
  description = "Name of the bucket that holds the server access logs."
  value       = aws_s3_bucket.this["logs"].bucket
}
