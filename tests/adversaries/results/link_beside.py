"""Makes /out/result.json a link to a sound file beside it, so that name and content part.

layer: the trusted reader, which follows no link
stopped: no_result: symbolic link
control: naive reader
"""

import probe


def main():
    probe.save_something({"train_loss": 0.1})
    (probe.OUT / "result.json").rename(probe.OUT / "real.json")
    (probe.OUT / "result.json").symlink_to("real.json")
