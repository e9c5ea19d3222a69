"""Between Terraform and the provider: fewer types are described, and everything else passes as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from kennel.checks.schema_filter import SCHEMA, filtered, named_types

ECHO = "/tfplugin5.Provider/PlanResourceChange"


def entry(field: int, name: str) -> bytes:
    """Return a type's entry in the schemas: a map's entry, whose value is the type's description."""
    content = bytes([0x0A, len(name)]) + name.encode() + b"\x12\x02\x08\x01"
    return bytes([field << 3 | 2, len(content)]) + content


PROVIDER_ITSELF = b"\x0a\x02\x08\x07"
SCHEMAS = (
    PROVIDER_ITSELF
    + entry(2, "aws_kms_key")
    + entry(2, "aws_vpc")
    + entry(3, "aws_ami")
    + entry(3, "aws_vpc")
)


class Provider:
    """What a provider answers."""

    asked = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return what answers a method."""
        if handler_call_details.method == SCHEMA:
            return grpc.unary_unary_rpc_method_handler(self._schemas)
        return grpc.unary_unary_rpc_method_handler(self._echo)

    def _schemas(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.asked += 1
        return SCHEMAS

    def _echo(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if request == b"fail":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no such thing")
        return b"echo " + request


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[tuple[Provider, str]]:
    """A provider, and the value of ``TF_REATTACH_PROVIDERS`` that leads to it."""
    provider, server, socket = Provider(), grpc.server(ThreadPoolExecutor(2)), str(tmp_path / "own")
    server.add_generic_rpc_handlers([provider])
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    yield provider, json.dumps({"aws": {"Protocol": "grpc", "Addr": {"Network": "unix", "String": socket}}})
    server.stop(None).wait()


@pytest.fixture
def channel(provider: tuple[Provider, str]) -> Iterator[grpc.Channel]:
    """What Terraform asks."""
    with filtered(provider[1], frozenset({"aws_vpc"})) as addresses:
        address = json.loads(addresses)["aws"]
        assert address["Protocol"] == "grpc"
        with grpc.insecure_channel(f"unix:{address['Addr']['String']}") as channel:
            yield channel


def test_only_named_types_are_described_and_the_provider_is_asked_once(
    channel: grpc.Channel, provider: tuple[Provider, str]
) -> None:
    for _ in range(2):
        schemas = channel.unary_unary(SCHEMA)(b"")
        parts = [PROVIDER_ITSELF, entry(2, "aws_vpc"), entry(3, "aws_vpc")]
        assert len(schemas) == sum(map(len, parts))
        assert all(part in schemas for part in parts)
    assert provider[0].asked == 1


def test_other_calls_pass_with_their_answers_and_failures(channel: grpc.Channel) -> None:
    ask = channel.unary_unary(ECHO)

    assert ask(b"a") == b"echo a"
    with pytest.raises(grpc.RpcError, match="no such thing") as failed:
        ask(b"fail")
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_other_services_are_not_there(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/plugin.GRPCStdio/StreamStdio")(b"")
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_types_are_those_of_a_root_and_its_linked_modules_and_tests(tmp_path: Path) -> None:
    root, module = tmp_path / "root", tmp_path / "module"
    for folder in (root / ".terraform", module):
        folder.mkdir(parents=True)
    (root / "modules").symlink_to(module)
    (root / "main.tf").write_text('resource "aws_vpc" "this" {\n  tags = { a = "aws_subnet" }\n}\n')
    (root / "a.tftest.hcl").write_text('run "a" {}\n  data "aws_ami" "x" {}\n')
    (root / ".terraform" / "copy.tf").write_text('resource "aws_eip" "this" {}\n')
    (module / "main.tf").write_text('ephemeral "aws_kms_secrets" "x" {}\n')

    assert named_types(root) == {"aws_vpc", "aws_ami", "aws_kms_secrets"}
