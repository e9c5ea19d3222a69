output "instance_id" {
  description = "Id of the instance, for Session Manager."
  value       = aws_instance.this.id
}
