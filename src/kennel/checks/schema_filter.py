"""Stands between Terraform and the AWS provider, and leaves out what a configuration does not use.

The provider describes some 2,000 types. Terraform reads all descriptions for each command, which takes most
of the processor time of a small plan. Here it gets those of the types that the configuration names; every
other call goes to the provider as it is. Terraform refuses a type that is left out by its name.

Source: ``tfplugin5.proto`` of Terraform, for the numbers of the fields and the names of the calls.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICES = ("/tfplugin5.Provider/", "/grpc.health.v1.Health/")
SCHEMA = "/tfplugin5.Provider/GetSchema"
# Fields of the schemas' message that hold an entry for each type.
TYPES = {"resources": 2, "data_sources": 3, "ephemeral": 8}
THREADS = 32  # Terraform asks for ten resources at a time, and checks the health of the connection
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_NAMED = re.compile(r'^\s*(?:resource|data|ephemeral)\s+"(aws_\w+)"', re.MULTILINE)


def named_types(directory: Path) -> frozenset[str]:
    """Return the types that the files of a root module name, and those of its modules and tests below it."""
    names: set[str] = set()
    for folder, folders, files in os.walk(directory, followlinks=True):
        folders[:] = [name for name in folders if name != ".terraform"]
        for file in files:
            if file.endswith((".tf", ".tftest.hcl")):
                names.update(_NAMED.findall((Path(folder) / file).read_text(encoding="utf-8")))
    return frozenset(names)


@contextmanager
def filtered(addresses: str, types: frozenset[str]) -> Iterator[str]:
    """Yield addresses of providers that describe some types only, as long as the context lasts.

    Parameters
    ----------
    addresses
        A value of ``TF_REATTACH_PROVIDERS``: a document with the sockets of running providers.
    types
        The types that are described.
    """
    document = json.loads(addresses)
    with tempfile.TemporaryDirectory(prefix="kennel-provider-") as folder:
        servers = []
        try:
            for number, provider in enumerate(document.values()):
                channel = grpc.insecure_channel(f"unix:{provider['Addr']['String']}", options=_UNLIMITED)
                server = grpc.server(ThreadPoolExecutor(THREADS), options=_UNLIMITED)
                servers.append((server, channel))
                socket = f"{folder}/{number}"
                server.add_generic_rpc_handlers([_Relay(channel, types)])
                server.add_insecure_port(f"unix:{socket}")
                server.start()
                provider["Addr"]["String"] = socket
            yield json.dumps(document)
        finally:
            for server, channel in servers:
                server.stop(None).wait()
                channel.close()


class _Relay:
    """Passes calls on; the answer with the schemas is read once and kept."""

    def __init__(self, channel: grpc.Channel, types: frozenset[str]) -> None:
        self._channel, self._types = channel, types
        self._schema: bytes | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what answers a method; None refuses it: the streams of output, which Terraform can miss."""
        method: str = handler_call_details.method
        if not method.startswith(SERVICES):
            return None
        ask = self._channel.unary_unary(method)

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if method == SCHEMA and self._schema is not None:
                return self._schema
            asked = ask.future(request)
            context.add_callback(asked.cancel)  # Terraform was killed, or has given up
            try:
                response: bytes = asked.result()
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            if method == SCHEMA:
                self._schema = response = self._without_others(response)
            return response

        return grpc.unary_unary_rpc_method_handler(answer)

    def _without_others(self, response: bytes) -> bytes:
        schemas = _schemas().FromString(response)
        for field in TYPES:
            entries = getattr(schemas, field)
            kept = [entry for entry in entries if entry.name in self._types]
            del entries[:]
            entries.extend(kept)
        content: bytes = schemas.SerializeToString()
        return content


@cache
def _schemas() -> Any:
    """Return a class for the schemas' message: of it, the names of the types; all else stays as it is."""
    fields = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="kennel/schemas.proto", package="kennel", syntax="proto3")
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="name", number=1, type=fields.TYPE_STRING, label=fields.LABEL_OPTIONAL)
    message = file.message_type.add(name="Schemas")
    for name, number in TYPES.items():
        message.field.add(
            name=name,
            number=number,
            type=fields.TYPE_MESSAGE,
            type_name=".kennel.Entry",
            label=fields.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kennel.Schemas"))
