output "security_group_ids" {
  description = "Security groups of a workload."
  value       = [aws_security_group.workload.id]
}

output "subnet_ids" {
  description = "Private subnets, one in each zone."
  value       = [for subnet in aws_subnet.this : subnet.id]
}

output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}
