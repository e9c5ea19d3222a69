"""How long the function takes to start, and its memory, beside handlers with boto3, its signer, or nothing.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/function_start.py`, `--json` for one document. All run
under AWS's own runtime client against a local Runtime API, in turn, each time in a new process: until it asks
for its first event (the initialisation), and until it has answered that, through an endpoint that this
process plays over TLS with the system's certificate authorities. Only Linux has the runtime client.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import http.server
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kennel.localcloud.services.lambda_.runtime_api import InvocationEvent, RuntimeApi, RuntimeResponse

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0  # for a start, and for an answer
PHOTO = b"\xff\xd8\xff\xe0" + bytes(
    200_000
)  # the function looks at its markers, the endpoint does not at all
LOGITS = json.dumps([[0.5] * 133]).encode()
EMPTY = """
def handler(event, context):
    return {"statusCode": 200}
"""
PLAIN = """
import base64

import boto3

runtime = boto3.client("sagemaker-runtime")


def handler(event, context):
    response = runtime.invoke_endpoint(
        EndpointName="benchmark", ContentType="image/jpeg", Body=base64.b64decode(event["image"])
    )
    return {"statusCode": 200, "body": response["Body"].read().decode()}
"""
SIGNER = """
import base64
import http.client
import os
import ssl
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

tls = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])


def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"] + "/endpoints/benchmark/invocations"
    variables = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    headers = {"Content-Type": "image/jpeg"}
    request = AWSRequest("POST", url, headers=headers, data=base64.b64decode(event["image"]))
    SigV4Auth(Credentials(*map(os.environ.get, variables)), "sagemaker", "us-east-1").add_auth(request)
    connection = http.client.HTTPSConnection(urlsplit(url).netloc, context=tls)
    connection.request("POST", urlsplit(url).path, request.data, dict(request.headers))
    return {"statusCode": 200, "body": connection.getresponse().read().decode()}
"""
NAMES = {
    "empty": "the runtime client alone",
    "plain": 'import boto3; boto3.client("sagemaker-runtime")',
    "signer": "botocore's signer, http.client",
    "kennel": "lambda/predict",
}


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Answers every invocation with the same logits."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the photo, then answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(LOGITS)))
        self.end_headers()
        self.wfile.write(LOGITS)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost with its key, and the system's authorities with it among them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own, bundle = folder / "server.pem", folder / "authorities.pem"
    own.write_bytes(private + made)
    system = ssl.get_default_verify_paths().cafile
    bundle.write_bytes((Path(system).read_bytes() if system else b"") + b"\n" + made)
    return own, bundle


@contextmanager
def endpoint(folder: Path) -> Iterator[dict[str, str]]:
    """Serve an endpoint; yield the environment variables that lead to it."""
    own, bundle = certificate(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(own)
    server.socket = settings.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {"AWS_ENDPOINT_URL": f"https://localhost:{server.server_port}", "AWS_CA_BUNDLE": str(bundle)}
    finally:
        server.shutdown()
        server.server_close()


def used(pid: int) -> tuple[float, float]:
    """Return a process's processor time in milliseconds, and its highest resident memory in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    peak = Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]
    return ticks * 1000 / os.sysconf("SC_CLK_TCK"), int(peak) / 1024


def start(code: Path, handler: str, variables: dict[str, str]) -> dict[str, float]:
    """Start a function, let it answer once, and return what both took."""
    api = RuntimeApi()
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(code),
        "LAMBDA_TASK_ROOT": str(code),
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "token",
        "ENDPOINT_NAME": "benchmark",
        **variables,
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", handler], cwd=code, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        if api.wait_ready(SECONDS) is not None:
            raise SystemExit(f"{handler} in {code} could not be initialised")
        ready = time.perf_counter()
        init_cpu, init_memory = used(process.pid)
        event = json.dumps({"image": base64.b64encode(PHOTO).decode()}).encode()
        response = api.invoke(InvocationEvent("1", event, "arn", time.time() + SECONDS, "Root=1"))
        answered = time.perf_counter()
        cpu, memory = used(process.pid)
    finally:
        process.kill()
        process.wait()
        api.close()
    body = response.body if isinstance(response, RuntimeResponse) else b"null"
    if (json.loads(body) or {}).get("statusCode") != 200:
        raise SystemExit(f"{handler} in {code} did not answer: {body[:300]!r}")
    return {
        "initialisation_ms": (ready - began) * 1000,
        "initialisation_cpu_ms": init_cpu,
        "initialisation_mb": init_memory,
        "first_answer_ms": (answered - began) * 1000,
        "first_answer_cpu_ms": cpu,
        "first_answer_mb": memory,
    }


def measure(runs: int) -> dict[str, Any]:
    """Return the medians of each handler, and of ours against the plain one."""
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        folder = Path(name)
        handlers = {"kennel": (ROOT / "lambda" / "predict", "app.handler")}
        for kind, source in (("empty", EMPTY), ("plain", PLAIN), ("signer", SIGNER)):
            code = folder / kind
            code.mkdir()
            (code / "function.py").write_text(source)
            handlers[kind] = (code, "function.handler")
        results: dict[str, list[dict[str, float]]] = {kind: [] for kind in NAMES}
        with endpoint(folder) as variables:
            for number in range(-1, runs):
                print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
                for kind in NAMES:
                    result = start(*handlers[kind], variables)
                    if number >= 0:  # the run before the first compiles bytecode and fills the page cache
                        results[kind].append(result)
    medians = {
        kind: {key: round(statistics.median(result[key] for result in rows), 1) for key in rows[0]}
        for kind, rows in results.items()
    }
    plain, own = medians["plain"], medians["kennel"]
    return {
        "runs": runs,
        "medians": medians,
        "ratios": {key: round(own[key] / plain[key], 3) for key in own},
    }


def main() -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="of each handler")
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    options = parser.parse_args()
    document = measure(options.runs)
    if options.json:
        print(json.dumps(document, indent=2))
        return 0
    for kind, figures in document["medians"].items():
        print(f"{NAMES[kind]}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    print("ours / plain: " + ", ".join(f"{key} {value}" for key, value in document["ratios"].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
