# How the traffic moves to a deployment, and what serves it, on a mocked provider.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_canary_is_whole_instances_rounded_up" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 300
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = []
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = ["kennel-local-endpoint-errors"]
    rollout                  = "CANARY"
    rollout_percent          = 20
    startup_timeout_seconds  = 300
    termination_wait_seconds = 240
    variant                  = "AllTraffic"
    releases = {
      "1" = {
        id             = "r-1"
        image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
        instance_count = 8
        model_data_url = "s3://bucket/releases/r-1/model.tar.gz"
      }
    }
  }

  assert {
    condition     = one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).type == "CANARY" && one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).wait_interval_in_seconds == 300 && one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).termination_wait_in_seconds == 240
    error_message = "A canary must bake after each step, and the old instances must wait."
  }

  assert {
    condition     = one(one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).canary_size).value == 2
    error_message = "A fifth of eight instances is two."
  }
}

run "one_instance_takes_all_traffic_at_once" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 300
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = []
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = ["kennel-local-endpoint-errors"]
    rollout                  = "CANARY"
    rollout_percent          = 20
    startup_timeout_seconds  = 300
    termination_wait_seconds = 240
    variant                  = "AllTraffic"
    releases = {
      "1" = {
        id             = "r-1"
        image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
        instance_count = 1
        model_data_url = "s3://bucket/releases/r-1/model.tar.gz"
      }
    }
  }

  assert {
    condition     = one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).type == "ALL_AT_ONCE" && length(one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).canary_size) == 0 && output.rollout == "ALL_AT_ONCE"
    error_message = "AWS refuses a canary of more than half of the instances."
  }
}

run "linear_steps_are_at_most_half" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 300
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = []
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = ["kennel-local-endpoint-errors"]
    rollout                  = "LINEAR"
    rollout_percent          = 50
    startup_timeout_seconds  = 300
    termination_wait_seconds = 240
    variant                  = "AllTraffic"
    releases = {
      "1" = {
        id             = "r-1"
        image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
        instance_count = 3
        model_data_url = "s3://bucket/releases/r-1/model.tar.gz"
      }
    }
  }

  assert {
    condition     = one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).type == "LINEAR" && one(one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).linear_step_size).value == 1
    error_message = "Half of three instances is one, because two are more than half."
  }
}

run "a_rolling_update_has_batches_and_no_second_fleet" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 300
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = []
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = ["kennel-local-endpoint-errors"]
    rollout                  = "ROLLING"
    rollout_percent          = 25
    startup_timeout_seconds  = 300
    termination_wait_seconds = 240
    variant                  = "AllTraffic"
    releases = {
      "1" = {
        id             = "r-1"
        image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
        instance_count = 8
        model_data_url = "s3://bucket/releases/r-1/model.tar.gz"
      }
    }
  }

  assert {
    condition     = one(one(one(aws_sagemaker_endpoint.this.deployment_config).rolling_update_policy).maximum_batch_size).value == 2 && one(one(aws_sagemaker_endpoint.this.deployment_config).rolling_update_policy).wait_interval_in_seconds == 300
    error_message = "A quarter of eight instances is two."
  }

  assert {
    condition     = length(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy) == 0
    error_message = "There must be one policy."
  }
}

run "a_serverless_endpoint_has_no_instances_and_no_isolation" {
  command = plan

  module {
    source = "./modules/endpoint"
  }

  variables {
    bake_seconds             = 300
    current                  = "1"
    endpoint_name            = "kennel-local-classifier"
    inference_amis           = {}
    instance_count           = 1
    instance_type            = "ml.m5.large"
    key_arn                  = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    local_disk_families      = []
    name                     = "kennel-local"
    role_arn                 = "arn:aws:iam::123456789012:role/kennel-local-endpoint"
    rollback_alarms          = ["kennel-local-endpoint-errors"]
    rollout                  = "ROLLING"
    rollout_percent          = 20
    startup_timeout_seconds  = 300
    termination_wait_seconds = 240
    variant                  = "AllTraffic"
    releases = {
      "1" = {
        id             = "r-1"
        image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
        instance_count = null
        model_data_url = "s3://bucket/releases/r-1/model.tar.gz"
        serverless     = { max_concurrency = 5, memory_mb = 4096 }
      }
    }
  }

  assert {
    condition     = one(one(aws_sagemaker_endpoint_configuration.this["1"].production_variants).serverless_config).memory_size_in_mb == 4096
    error_message = "The memory must be the release's."
  }

  assert {
    condition     = one(aws_sagemaker_endpoint_configuration.this["1"].production_variants).instance_type == null && one(aws_sagemaker_endpoint_configuration.this["1"].production_variants).container_startup_health_check_timeout_in_seconds == null
    error_message = "AWS refuses what is of instances."
  }

  assert {
    condition     = aws_sagemaker_model.this["1"].enable_network_isolation == false && aws_sagemaker_endpoint_configuration.this["1"].kms_key_arn == var.key_arn
    error_message = "AWS refuses isolation for it, and takes a key."
  }

  assert {
    condition     = one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).type == "CANARY" && one(one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).canary_size).type == "CAPACITY_PERCENT" && one(one(one(one(aws_sagemaker_endpoint.this.deployment_config).blue_green_update_policy).traffic_routing_configuration).canary_size).value == 20
    error_message = "There is nothing to roll, and no instance to count."
  }
}

run "a_serverless_deployment_has_no_scaling_and_a_changed_setting_waits" {
  command = plan

  override_module {
    target = module.release
    outputs = {
      parameter = "/kennel/local/release"
      registry  = "kennel-local"
      record = {
        deployment = 2
        current = {
          deployment     = 2
          digest         = "01"
          id             = "r-0123456789ab"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
          instance_type  = "ml.m5.large"
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
          serverless     = { max_concurrency = 5, memory_mb = 4096 }
        }
        previous = null
      }
    }
  }

  variables {
    environment = "local"
    function    = { package = "main.tf" }
  }

  assert {
    condition     = length(module.endpoint) == 1 && length(module.autoscaling) == 0 && output.autoscaling == null
    error_message = "Without instances there must be no scalable target."
  }

  expect_failures = [check.settings_of_the_endpoint]
}

run "types_with_a_gpu_roll_and_others_have_a_canary" {
  command = plan

  override_module {
    target = module.release
    outputs = {
      parameter = "/kennel/local/release"
      registry  = "kennel-local"
      record = {
        deployment = 2
        current = {
          deployment     = 2
          digest         = "01"
          id             = "r-0123456789ab"
          image          = "763104351884.dkr.ecr.us-east-1.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
          instance_type  = "ml.m5.large"
          model_data_url = "s3://kennel-local-artifacts-123456789012/releases/r-0123456789ab/model.tar.gz"
          instance_count = 4
        }
        previous = null
      }
    }
  }

  variables {
    environment = "local"
    endpoint    = { instance_type = "ml.g5.xlarge" }
    function    = { package = "main.tf" }
  }

  assert {
    condition     = module.endpoint[0].rollout == "ROLLING"
    error_message = "A second fleet of such types must not be necessary."
  }

  expect_failures = [check.settings_of_the_endpoint]
}

run "instances_are_scaled_by_a_target_steps_and_schedules" {
  command = plan

  module {
    source = "./modules/autoscaling"
  }

  variables {
    endpoint_name              = "kennel-local-classifier"
    instance_type              = "ml.m5.large"
    invocations_per_instance   = 120
    max_instances              = 4
    metric                     = "CONCURRENCY"
    min_instances              = 1
    scale_in_cooldown_seconds  = 300
    scale_out_cooldown_seconds = 60
    schedules                  = { morning = { max_instances = 8, min_instances = 2, schedule = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Berlin" } }
    surge_alarm_name           = "kennel-local-endpoint-surge"
    surge_steps                = [{ add_percent = 50, over = 2 }, { add_percent = 200, over = 4 }]
    target_value               = 2
    variant                    = "AllTraffic"
  }

  assert {
    condition     = one(one(aws_appautoscaling_policy.this.target_tracking_scaling_policy_configuration).predefined_metric_specification).predefined_metric_type == "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    error_message = "Concurrency must be tracked every ten seconds."
  }

  assert {
    condition = join(" ", [
      for step in one(aws_appautoscaling_policy.surge[0].step_scaling_policy_configuration).step_adjustment :
      "${step.metric_interval_lower_bound}-${coalesce(step.metric_interval_upper_bound, "all")}:${step.scaling_adjustment}"
    ]) == "0-240:50 240-all:200"
    error_message = "The bounds must be counted from the alarm's threshold, two targets."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.surge[0].threshold == 240 && aws_cloudwatch_metric_alarm.surge[0].treat_missing_data == "notBreaching"
    error_message = "The steps must begin at twice the target, and not where nobody asks."
  }

  assert {
    condition     = one(aws_appautoscaling_scheduled_action.this["morning"].scalable_target_action).min_capacity == "2" && aws_appautoscaling_scheduled_action.this["morning"].timezone == "Europe/Berlin"
    error_message = "A schedule must set its limits at its own time."
  }
}

run "provisioned_concurrency_follows_its_utilisation" {
  command = plan

  module {
    source = "./modules/predict_function"
  }

  variables {
    dead_letter_queue_name      = "kennel-local-predict-dead-letters"
    environment                 = { ENDPOINT_NAME = "kennel-local-classifier" }
    key_arn                     = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_group                   = "/aws/lambda/kennel-local-predict"
    memory_mb                   = 512
    name                        = "kennel-local-predict"
    package                     = "main.tf"
    provisioned_concurrency     = 2
    provisioned_concurrency_max = 10
    region                      = "us-east-1"
    role_arn                    = "arn:aws:iam::123456789012:role/kennel-local-function"
    timeout_seconds             = 30
  }

  assert {
    condition     = aws_appautoscaling_target.this[0].resource_id == "function:kennel-local-predict:live" && aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 10
    error_message = "The alias must be scaled between the two numbers."
  }
}
