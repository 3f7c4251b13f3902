/* SPDX-License-Identifier: Apache-2.0 */
/* empty_maps DIRECTORY: takes out of the maps pinned there whatever a test left in them, so that the programs which use them can
 * serve the next test as if they had just been loaded. Policies stay: the next daemon replaces them, as at any start. What is kept
 * for tasks and sockets went with them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "holdpoint/abi.h"

static void fail(const char* what) {
  fprintf(stderr, "empty_maps: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void empty_hash(int map, const struct bpf_map_info* info) {
  char key[256];
  if (info->key_size > sizeof(key)) fail("a key is too long");
  while (bpf_map_get_next_key(map, NULL, key) == 0)
    if (bpf_map_delete_elem(map, key) != 0 && errno != ENOENT) fail(info->name);
}

/* `copies`: one value for each processor, padded to 8 bytes, or one. */
static void empty_array(int map, const struct bpf_map_info* info, size_t copies) {
  void* zeros = calloc(copies, (info->value_size + 7U) & ~7U);
  for (__u32 at = 0; zeros && at < info->max_entries; at++)
    if (bpf_map_update_elem(map, &at, zeros, BPF_ANY) != 0) fail(info->name);
  free(zeros);
}

/* The reader's position is put where the writer's is. */
static void empty_ring(int map) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  unsigned long* reader = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  const unsigned long* writer = mmap(NULL, page, PROT_READ, MAP_SHARED, map, (off_t)page);
  if (reader == MAP_FAILED || writer == MAP_FAILED) fail("a ring");
  __atomic_store_n(reader, __atomic_load_n(writer, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

/* Which set of programs judges, and numbers that go on. */
static void reset_config(int map) {
  const __u32 zero = 0;
  struct hp_config former, fresh = {0};
  if (bpf_map_lookup_elem(map, &zero, &former) != 0) fail("config");
  memcpy(fresh.hash_key, former.hash_key, sizeof(fresh.hash_key));
  fresh.armed = former.armed;
  fresh.next_session = former.next_session;
  fresh.next_hold = former.next_hold;
  if (bpf_map_update_elem(map, &zero, &fresh, BPF_ANY) != 0) fail("config");
}

static void empty(int map) {
  struct bpf_map_info info = {0};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map, &info, &size) != 0) fail("a map");
  if (strcmp(info.name, "config") == 0) return reset_config(map);
  switch (info.type) {
    case BPF_MAP_TYPE_HASH: return empty_hash(map, &info);
    case BPF_MAP_TYPE_ARRAY: return empty_array(map, &info, 1);
    case BPF_MAP_TYPE_PERCPU_ARRAY: return empty_array(map, &info, (size_t)libbpf_num_possible_cpus());
    case BPF_MAP_TYPE_RINGBUF: return empty_ring(map);
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case BPF_MAP_TYPE_TASK_STORAGE:
    case BPF_MAP_TYPE_SK_STORAGE: return;
    default: errno = ENOTSUP; fail(info.name); /* a new kind of map: say here what is to become of it */
  }
}

int main(int count, char** words) {
  DIR* directory = count == 2 ? opendir(words[1]) : NULL;
  if (!directory) fail("no directory");
  for (const struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    char path[512];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof(path), "%s/%s", words[1], entry->d_name);
    const int map = bpf_obj_get(path);
    if (map < 0) fail(path);
    empty(map);
    close(map);
  }
  closedir(directory);
  return 0;
}
