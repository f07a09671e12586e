"""Be warm as a train container is, the framework imported and nothing done on the card."""

import json
import sys

import torch
import torch._dynamo

sys.stdout.write("autoresearch ready\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(json.dumps({"torch": torch.__version__}) + "\n")
