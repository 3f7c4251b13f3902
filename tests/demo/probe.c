/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest BPF LSM program. A host that loads it can run the demo by itself. */
char program_license[] __attribute__((section("license"), used)) = "GPL";

__attribute__((section("lsm/file_open"), used)) int probe(void* context) {
  (void)context;
  return 0;
}
