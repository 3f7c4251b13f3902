/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel structures and fields that Holdpoint reads, and nothing else: libbpf relocates them to the running kernel,
 * so the build needs no BTF. A field that kernels name differently has a flavour (suffix after three underscores). */
#ifndef HOLDPOINT_KERNEL_BPF_H
#define HOLDPOINT_KERNEL_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
/* bpf_tracing.h comes after the helpers that it uses. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define EPERM 1
#define ENOMEM 12
#define ERESTARTNOINTR 513
#define SIGKILL 9
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIG_IGN 1UL
#define O_ACCMODE 3
#define O_WRONLY 1
#define O_RDWR 2
#define O_TRUNC 01000
#define O_TMPFILE_FLAG 020000000 /* __O_TMPFILE: O_TMPFILE without O_DIRECTORY */
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_EXEC_FLAG 0x20 /* __FMODE_EXEC in f_flags: the open belongs to an execve */
#define MNT_INTERNAL_FLAG 0x4000
#define MNT_NS_INTERNAL_POINTER ((void*)-22L) /* ERR_PTR(-EINVAL): of a mount that is in no namespace */
#define FMODE_NOACCOUNT 0x20000000            /* opened by a file system for itself (overlay layers) */
#define FMODE_CREATED 0x100000
#define S_IFBLK 0060000
#define S_IFCHR 0020000
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFIFO 0010000
#define S_IFDIR 0040000
#define S_IFLNK 0120000
#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define PF_USER_WORKER 0x4000
#define PF_KTHREAD 0x200000
#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_NETLINK 16
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_L2TP 115
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define MAY_WRITE 2
#define SOCK_DGRAM 2
#define MSG_FASTOPEN 0x20000000
#define TS_COMPAT 2
#define CAP_SYS_ADMIN 21
#define CAP_SYS_RESOURCE 24
#define CAP_PERFMON 38
#define CAP_CHECKPOINT_RESTORE 40
#define PTRACE_MODE_ATTACH 2
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define BINFMTFS_MAGIC 0x42494e4d
#define BPF_FS_MAGIC 0xcafe4a11
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define TRACEFS_MAGIC 0x74726163
#define MQUEUE_MAGIC 0x19800202
#define LSM_UNSAFE_PTRACE 2
#define MNT_SHARED_FLAG 0x1000
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_PROPAGATION 0x1e0000 /* MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED */
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3

#define CORE __attribute__((preserve_access_index))

struct list_head {
  struct list_head *next, *prev;
} CORE;
typedef struct {
  __u32 val;
} kuid_t;
typedef struct {
  __u32 val;
} kgid_t;
typedef struct {
  int counter;
} atomic_t;

struct qstr {
  __u32 len;
  const unsigned char* name;
} CORE;
struct super_block {
  __u32 s_dev;
  unsigned long s_magic;
  struct list_head s_mounts;
} CORE;
struct timespec64 {
  __s64 tv_sec;
  long tv_nsec;
} CORE;
struct inode {
  __u16 i_mode;
  unsigned long i_ino;
  struct super_block* i_sb;
  __s64 i_size;
  unsigned int i_nlink;
  kuid_t i_uid;
  atomic_t i_writecount;
} CORE;
struct inode___named {
  struct timespec64 i_ctime;
} CORE; /* up to 6.5 */
struct inode___underscored {
  struct timespec64 __i_ctime;
} CORE; /* 6.6 to 6.10 */
struct inode___split {
  __s64 i_ctime_sec;
  __u32 i_ctime_nsec;
} CORE; /* from 6.11 */
struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
  struct super_block* d_sb;
} CORE;
struct vfsmount {
  struct dentry* mnt_root;
  struct super_block* mnt_sb;
  int mnt_flags;
} CORE;
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
} CORE;
struct ns_common {
  unsigned int inum;
} CORE;
struct mount;
struct mnt_namespace {
  struct ns_common ns;
  struct mount* root;
  __u64 seq;
} CORE;
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
  struct list_head mnt_mounts; /* those on it, by their mnt_child */
  struct list_head mnt_child;
  struct list_head mnt_instance; /* of its superblock's s_mounts */
  struct list_head mnt_share;    /* the ring of its peers */
  struct mnt_namespace* mnt_ns;
} CORE;
struct net {
  struct ns_common ns;
} CORE;
struct nsproxy {
  struct mnt_namespace* mnt_ns;
  struct net* net_ns;
} CORE;
struct file {
  struct path f_path;
  struct inode* f_inode;
  unsigned int f_flags;
  unsigned int f_mode;
} CORE;
struct fdtable {
  unsigned int max_fds;
  struct file** fd;
} CORE;
struct files_struct {
  struct fdtable* fdt;
} CORE;
struct iattr {
  unsigned int ia_valid;
  struct timespec64 ia_mtime;
} CORE;
struct fs_struct {
  struct path root;
  struct path pwd;
} CORE;
struct mm_struct {
  struct file* exe_file;
} CORE;
struct fown_struct;
struct rlimit;
struct kernfs_node {
  struct kernfs_node* parent;
  __u64 id;
} CORE;
struct cgroup {
  struct kernfs_node* kn;
  int level;
} CORE;
struct css_set {
  struct cgroup* dfl_cgrp;
} CORE;
struct kernel_cap {}; /* read as eight bytes */
struct user_namespace {
  int level; /* 0: the first one */
} CORE;
struct cred {
  kuid_t uid;
  kgid_t gid;
  kuid_t euid;
  kgid_t egid;
  struct kernel_cap cap_effective;
  struct user_namespace* user_ns;
} CORE;
struct hlist_node {
  struct hlist_node* next;
} CORE;
struct hlist_head {
  struct hlist_node* first;
} CORE;
struct pid {
  int level;
  struct hlist_head tasks[4]; /* the first: the thread that has this number */
} CORE;
struct proc_inode {
  struct pid* pid;
  struct inode vfs_inode;
} CORE;
struct tty_struct {
  int index;
} CORE;
struct signal_struct {
  struct pid* pids[4];
  struct tty_struct* tty;
} CORE;
struct sigaction {
  void* sa_handler;
} CORE;
struct k_sigaction {
  struct sigaction sa;
} CORE;
struct sighand_struct {
  struct k_sigaction action[64];
} CORE;
struct thread_info {
  __u32 status;
} CORE;
struct task_struct {
  struct thread_info thread_info;
  unsigned int flags;
  int pid;
  int tgid;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  unsigned long nivcsw;
  __u64 start_boottime;
  const struct cred* cred;
  char comm[16];
  struct fs_struct* fs;
  struct files_struct* files;
  struct nsproxy* nsproxy;
  struct signal_struct* signal;
  struct sighand_struct* sighand;
  struct mm_struct* mm;
  struct css_set* cgroups;
  kuid_t loginuid;
  __u32 self_exec_id;
  struct hlist_node pid_links[4];
} CORE;
struct linux_binprm {
  unsigned long p;
  struct file* file;
  int argc, envc;
  unsigned int unsafe;
  const char* filename;
  const char* interp;
} CORE;
struct in6_addr {
  union {
    __u32 u6_addr32[4];
  } in6_u;
} CORE;
struct sock_common {
  __u32 skc_rcv_saddr;
  unsigned short skc_family;
  int skc_bound_dev_if;
  struct in6_addr skc_v6_rcv_saddr;
} CORE;
struct sock {
  struct sock_common __sk_common;
  __u8 sk_kern_sock : 1;
  __u16 sk_type;
  __u16 sk_protocol;
} CORE;
struct inet_sock {
  int uc_index;
} CORE;
struct socket {
  short type;
  struct sock* sk;
  struct file* file;
} CORE;
struct msghdr {
  void* msg_name;
  int msg_namelen;
  unsigned long msg_controllen;
  unsigned int msg_flags;
} CORE;
struct unix_address {
  int len;
  char name[0];
} CORE;
struct unix_sock {
  struct sock sk;
  struct unix_address* addr;
  struct path path;
  struct sock* peer;
} CORE;
struct sockaddr {
  __u16 sa_family;
};
struct pt_regs___x86 {
  unsigned long di, si, dx, r10, bx, cx, orig_ax;
} CORE;
struct kernel_siginfo {
  int si_signo;
  int si_code;
} CORE;
struct seq_file;
struct bpf_iter_meta {
  struct seq_file* seq;
} CORE;

#define X32_CALL 0x40000000U

/* Number of the system call of `regs`, with the bit of x32's calls. The kernel obeys the lower half of the register, and keeps whatever
 * the program had in the upper one. */
static __always_inline __u32 call_of(struct pt_regs___x86* regs) {
  return (__u32)BPF_CORE_READ(regs, orig_ax);
}

/* Keeps the compiler from folding a bounds check into arithmetic that the verifier cannot follow. */
#define bounded(value) asm volatile("" : "+r"(value))

/* Sequence counters that tell whether a rename or a mount happened during a walk. */
extern const void rename_lock __ksym;
extern const void mount_lock __ksym;

#endif
