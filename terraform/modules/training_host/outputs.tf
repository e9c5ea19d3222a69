output "instance_id" {
  description = "The instance, as Session Manager knows it."
  value       = aws_instance.this.id
}
