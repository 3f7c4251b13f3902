# SPDX-License-Identifier: Apache-2.0
"""Every BPF program is accepted by this kernel's verifier, and cheaply: what it has to look at is bounded."""
from harness import Daemon, main
from programs import loaded_programs

MOST = 10_000
# Hooks that a policy, the tags or the hold protocol need on every kernel, by the first 15 letters of their programs.
WANTED = {
    "hp_exec_begin", "hp_exec_check", "hp_exec_committ", "hp_file_open", "hp_path_mknod", "hp_inode_create",
    "hp_socket_conne", "hp_socket_sendm", "hp_unix_stream_", "hp_unix_may_sen", "hp_task_alloc", "hp_fork", "hp_attach",
    "hp_cgroup_mkdir", "hp_cgroup_rmdir", "hp_mark_cgroup", "hp_sweep", "hp_untag", "hp_filed", "hp_task_kill", "hp_ptrace", "hp_bpf",
    "hp_anonymous_in", "hp_signal", "hp_exit",
}


def test_every_program_is_loaded_and_within_its_bound():
    with Daemon("  []\n", name="programs"):
        counts = {program.name: program.verified_instructions for program in loaded_programs()}
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"     {name:16} {count:6} verified instructions")
    assert counts.keys() >= WANTED, f"not loaded: {WANTED - counts.keys()}"
    assert all(count > 0 for count in counts.values())
    assert not (over := {name: count for name, count in counts.items() if count > MOST}), over


main([test_every_program_is_loaded_and_within_its_bound])
