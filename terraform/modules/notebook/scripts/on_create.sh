#!/bin/bash
# Runs once, as root, when the notebook instance is made.
set -euo pipefail

# Everything that should survive a stop lives below SageMaker/, on the encrypted volume.
install -d -o ec2-user -g ec2-user /home/ec2-user/SageMaker/kennel
