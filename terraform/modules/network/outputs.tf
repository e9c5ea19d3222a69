output "flow_log_role_arn" {
  description = "ARN of the role that writes the flow logs."
  value       = aws_iam_role.flow_logs.arn
}

output "interface_endpoints" {
  description = "Ids of the interface endpoints, by the last part of their service names."
  value       = { for api, endpoint in aws_vpc_endpoint.this : api => endpoint.id }
}

output "security_group_ids" {
  description = "Ids of the security groups of workloads."
  value       = [aws_security_group.workload.id]
}

output "subnet_ids" {
  description = "Ids of the private subnets, one in each zone."
  value       = [for subnet in aws_subnet.this : subnet.id]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}
