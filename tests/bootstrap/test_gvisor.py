"""What gVisor is registered with."""

from sandbox_image.bootstrap.engine import gvisor_arguments

OLD = 'specifies which platform to use: ptrace (default), kvm. (default "ptrace")'
NEW = 'specifies which platform to use: systrap (default), ptrace, kvm. (default "systrap")'


def test_an_old_gvisor_uses_ptrace_and_one_that_knows_systrap_uses_that() -> None:
    assert gvisor_arguments(OLD) == ["--network=none", "--platform=ptrace", "--oci-seccomp"]
    assert gvisor_arguments(NEW) == ["--network=none", "--platform=systrap", "--oci-seccomp"]


def test_our_seccomp_profile_counts_inside_gvisor_and_it_never_has_a_network() -> None:
    assert {"--network=none", "--oci-seccomp"} <= set(gvisor_arguments(""))
