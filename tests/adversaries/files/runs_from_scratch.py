"""Runs a program from every folder that holds files but no programs.

layer: mounts without exec
stopped: errno EACCES
stopped runsc: crashed: SIGSEGV
control: lift exec
"""

import shutil
import subprocess

import probe


def attack():
    for folder in ("/out", "/dev/shm", "/tmp"):
        try:
            subprocess.run([shutil.copy("/usr/bin/true", folder)], check=True)
            return f"ran a program in {folder}"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
