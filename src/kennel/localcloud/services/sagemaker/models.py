"""Models and endpoint configurations: members that moto drops, and those that it invents.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from __future__ import annotations

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import sagemaker as moto_sagemaker
from kennel.localcloud.moto_adapter.instance_types import check_volume_key
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sagemaker.endpoints.variant_checks import check_configuration
from kennel.localcloud.services.sagemaker.job_network import check_network

NO_ROLE = "arn:test"  # moto's, of a model without a role


@operation("sagemaker", "CreateModel")
def create_model(call: Call) -> Response:
    """Keep the network isolation, and no VPC configuration where none was given."""
    name = call.parameters["ModelName"]
    backend = call.backend()
    if existing := moto_sagemaker.model(backend, name):
        raise AwsError("ValidationException", f'Cannot create already existing model "{existing.arn}".')
    check_network(call, call.parameters.get("VpcConfig"))
    response = call.ask_moto()
    if response.ok:
        model = moto_sagemaker.model(backend, name)
        model.enable_network_isolation = bool(call.parameters.get("EnableNetworkIsolation"))
        model.vpc_config = call.parameters.get("VpcConfig")
        model.inference_execution_config = call.parameters.get("InferenceExecutionConfig")
    return response


@operation("sagemaker", "DescribeModel")
def describe_model(call: Call) -> Response:
    """Leave out the list of containers and the role that moto invents."""
    document = call.ask_moto_json()
    model = moto_sagemaker.model(call.backend(), call.parameters["ModelName"])
    for member in ("Containers", "PrimaryContainer"):
        if not document.get(member):
            document.pop(member, None)
    if model.execution_role_arn == NO_ROLE:
        document.pop("ExecutionRoleArn", None)
    return call.json(document)


@operation("sagemaker", "CreateEndpointConfig")
def create_endpoint_config(call: Call) -> Response:
    """Keep the members that moto drops: shadow variants, role, VPC, isolation."""
    name = call.parameters["EndpointConfigName"]
    configs = call.backend().endpoint_configs
    if name in configs:
        arn = configs[name].endpoint_config_arn
        raise AwsError(
            "ValidationException", f'Cannot create already existing endpoint configuration "{arn}".'
        )
    parameters = call.parameters
    variants = [*parameters["ProductionVariants"], *(parameters.get("ShadowProductionVariants") or [])]
    types = [variant.get("InstanceType") for variant in variants]
    check_volume_key(parameters.get("KmsKeyId"), "KmsKeyId", types)
    check_configuration(call)
    check_network(call, parameters.get("VpcConfig"))
    response = call.ask_moto()
    if response.ok:
        config = configs[name]
        config.shadow_production_variants = call.parameters.get("ShadowProductionVariants")
        config.execution_role_arn = call.parameters.get("ExecutionRoleArn")
        config.vpc_config = call.parameters.get("VpcConfig")
        config.enable_network_isolation = call.parameters.get("EnableNetworkIsolation")
    return response


@operation("sagemaker", "DescribeEndpointConfig")
def describe_endpoint_config(call: Call) -> Response:
    """Leave out the data capture that moto invents."""
    document = call.ask_moto_json()
    if not document.get("DataCaptureConfig"):
        document.pop("DataCaptureConfig", None)
    return call.json(document)
