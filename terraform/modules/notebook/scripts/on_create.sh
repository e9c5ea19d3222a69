#!/bin/bash
# Runs once, as root, when the notebook instance is created.
set -euo pipefail

# Only SageMaker/, on the encrypted volume, is kept when the instance stops.
install -d -o ec2-user -g ec2-user /home/ec2-user/SageMaker/kennel
