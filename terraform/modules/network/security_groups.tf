# Allowed traffic of workloads: HTTPS to S3 and to the interface endpoints, everything among each other.

data "aws_prefix_list" "s3" {
  name = "com.amazonaws.${var.region}.s3"
}

resource "aws_security_group" "workload" {
  #checkov:skip=CKV2_AWS_5:The notebook and the training host use it through this module's output, which checkov does not follow
  name        = "${var.name}-workload"
  description = "Training jobs, the training host and the notebook"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-workload" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints of AWS APIs"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.workload.id
  description       = "S3 through the gateway endpoint"
  prefix_list_id    = data.aws_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  security_group_id            = aws_security_group.workload.id
  description                  = "AWS APIs through the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "AWS APIs for the workloads"
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# Distributed training uses arbitrary ports, so all traffic between the hosts of a job is allowed.
resource "aws_vpc_security_group_egress_rule" "peers" {
  security_group_id            = aws_security_group.workload.id
  description                  = "Hosts of one training job"
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "peers" {
  security_group_id            = aws_security_group.workload.id
  description                  = "Hosts of one training job"
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "-1"
}
