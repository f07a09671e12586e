"""Sets up an io_uring in the container that loads the model.

layer: our seccomp profile, in the model container too
stopped: errno EPERM
control: lift seccomp
container: model
"""

import probe


def attack():
    return probe.reached("io_uring_setup", 0, 0, answers=("EINVAL", "EFAULT"))


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
