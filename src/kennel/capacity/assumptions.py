"""What `capacity` takes an instance, a serverless endpoint and a function to be where nothing else is given.

docs/scaling.md lists these and says which of them were measured.
"""

from __future__ import annotations

from kennel.capacity.measured import figure, measured

REGION = "us-east-1"
WORKERS = int(measured()["machine"]["vcpus"])  # a release has one worker a vCPU
SERVICE_MS = round(1000 * WORKERS / figure("answers_per_second"), 1)  # with all workers at work
SERVICE_CV = 0.3
WAITING = 32  # for each worker: what the application of a release lets wait
START_UP = 300.0  # seconds
PAYLOAD_KB = 100.0
SERVERLESS_GB = 3
FUNCTION_MB = 1769  # one vCPU
COLD_START = 3.0  # seconds
FAILED_PERCENT = 0.1
