# SPDX-License-Identifier: Apache-2.0
"""Every BPF program is accepted by this kernel's verifier, and cheaply: what it has to look at is bounded."""
import os

from harness import Daemon, main
from programs import loaded_programs

MOST = 10_000
# Hooks that a policy, the tags or the hold protocol need on every kernel, by the first 15 letters of their programs.
WANTED = {
    "hp_exec_begin", "hp_exec_check", "hp_exec_committ", "hp_file_open", "hp_path_mknod", "hp_inode_create",
    "hp_socket_conne", "hp_socket_sendm", "hp_socket_recvm",
    "hp_unix_stream_", "hp_unix_may_sen", "hp_task_alloc", "hp_fork", "hp_attach",
    "hp_cgroup_mkdir", "hp_cgroup_rmdir", "hp_mark_cgroup", "hp_sweep", "hp_untag", "hp_filed", "hp_task_kill", "hp_ptrace", "hp_notify", "hp_hardware", "hp_bpf",
    "hp_read_kernel", "hp_load_kernel",
    "hp_sigio", "hp_setnice", "hp_setioprio", "hp_setscheduler", "hp_movememory", "hp_setrlimit", "hp_mount", "hp_move_mount", "hp_umount", "hp_pivot_root", "hp_remount",
    "hp_capable",
    "hp_socket_creat", "hp_files",
    "hp_know_cgroup", "hp_forget_cgrou",
    "hp_anonymous_in", "hp_userns", "hp_signal", "hp_exit", "hp_path_mkdir", "hp_path_symlink", "hp_path_unlink", "hp_path_rmdir",
    "hp_path_link", "hp_path_rename", "hp_inode_mkdir", "hp_inode_mknod", "hp_inode_symlin", "hp_inode_unlink", "hp_inode_rmdir",
    "hp_inode_link", "hp_inode_rename", "hp_path_truncat", "hp_path_chmod", "hp_path_chown", "hp_file_ioctl", "hp_file_ioctl32",
    "hp_want_write", "hp_want_write_f", "hp_setxattr", "hp_removexattr",
}
# Hooks of which each kernel has its own; elsewhere another one sees the same.
OF_KERNEL = {"6.1": {"hp_write_socket"}, "6.12": {"hp_set_acl", "hp_remove_acl"}}
TIMES = {"hp_set_times", "hp_set_times_ol"}  # one of two forms


def test_every_program_is_loaded_and_within_its_bound():
    with Daemon("  []\n", name="programs"):
        counts = {program.name: program.verified_instructions for program in loaded_programs()}
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"     {name:16} {count:6} verified instructions")
    wanted = WANTED | OF_KERNEL[".".join(os.uname().release.split(".")[:2])]
    assert counts.keys() - TIMES == wanted, f"not loaded: {wanted - counts.keys()}, not known here: {counts.keys() - TIMES - wanted}"
    assert len(counts.keys() & TIMES) == 1
    assert all(count > 0 for count in counts.values())
    assert not (over := {name: count for name, count in counts.items() if count > MOST}), over


main([test_every_program_is_loaded_and_within_its_bound])
