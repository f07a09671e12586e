"""Claims -1e999, sound JSON that becomes minus infinity when it is read.

layer: claims are finite numbers
reason: a claim that is no finite number
control: evaluation
"""

import json
from pathlib import Path

import honest
from honest import build_model

RESULT = Path("/out/result.json")


def main():
    honest.main()
    result = json.loads(RESULT.read_text())
    result["claims"]["val_bpb"] = 12345.0
    RESULT.write_text(json.dumps(result).replace("12345.0", "-1e999"))
