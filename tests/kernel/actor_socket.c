/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that connect and send. An ADDRESS with ':' is IPv6; a unix NAME that begins with '@' is abstract. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actor.h"

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un unix_name;
};

static socklen_t internet_address(union address* out, const char* host, const char* port) {
  memset(out, 0, sizeof(*out));
  if (strchr(host, ':')) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((unsigned short)atoi(port));
    return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1 ? sizeof(out->v6) : 0;
  }
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons((unsigned short)atoi(port));
  return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? sizeof(out->v4) : 0;
}

static socklen_t unix_address(union address* out, const char* name) {
  size_t length = strlen(name);
  memset(out, 0, sizeof(*out));
  out->unix_name.sun_family = AF_UNIX;
  if (length >= sizeof(out->unix_name.sun_path)) return 0;
  memcpy(out->unix_name.sun_path, name, length);
  if (name[0] != '@') return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
  out->unix_name.sun_path[0] = 0;
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int new_socket(const union address* to, int type) {
  return socket(to->any.sa_family, type | SOCK_CLOEXEC, 0);
}

/* Connects, and when that works sends the text and closes. */
static int stream(const union address* to, socklen_t length, const char* text) {
  int fd = new_socket(to, SOCK_STREAM);
  if (!length || fd < 0) return 97;
  if (actor_say("connect", connect(fd, &to->any, length)) == 0)
    actor_say("write", write(fd, text, strlen(text)));
  close(fd);
  return 0;
}

/* tcp ADDRESS PORT TEXT */
static int step_tcp(int count, char** words) {
  union address to;
  return count == 4 ? stream(&to, internet_address(&to, words[1], words[2]), words[3]) : 97;
}

/* unix NAME TEXT: a stream. */
static int step_unix(int count, char** words) {
  union address to;
  return count == 3 ? stream(&to, unix_address(&to, words[1]), words[2]) : 97;
}

/* nonblock ADDRESS PORT TEXT: a non-blocking connect, called again until it is through, as event loops do. */
static int step_nonblock(int count, char** words) {
  union address to;
  socklen_t length = count == 4 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_STREAM | SOCK_NONBLOCK) : -1;
  if (fd < 0) return 97;
  int result = connect(fd, &to.any, length);
  while (result && (errno == EINPROGRESS || errno == EALREADY)) {
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    poll(&ready, 1, -1);
    result = connect(fd, &to.any, length);
    if (result && errno == EISCONN) result = 0;
  }
  if (actor_say("connect", result) == 0) actor_say("write", write(fd, words[3], strlen(words[3])));
  close(fd);
  return 0;
}

static int send_one(const union address* to, socklen_t length, int type, int flags, const char* text) {
  int fd = length ? new_socket(to, type) : -1;
  if (fd < 0) return 97;
  actor_say("send", sendto(fd, text, strlen(text), flags, &to->any, length));
  close(fd);
  return 0;
}

/* fastopen ADDRESS PORT TEXT: connects inside sendto. */
static int step_fastopen(int count, char** words) {
  union address to;
  if (count != 4) return 97;
  return send_one(&to, internet_address(&to, words[1], words[2]), SOCK_STREAM, MSG_FASTOPEN, words[3]);
}

/* fastconnect ADDRESS PORT TEXT: a connect that is put off to the first write. */
static int step_fastconnect(int count, char** words) {
  union address to;
  socklen_t length = count == 4 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_STREAM) : -1;
  if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int))) return 97;
  if (actor_say("connect", connect(fd, &to.any, length)) == 0)
    actor_say("write", write(fd, words[3], strlen(words[3])));
  close(fd);
  return 0;
}

/* udp ADDRESS PORT TEXT */
static int step_udp(int count, char** words) {
  union address to;
  return count == 4 ? send_one(&to, internet_address(&to, words[1], words[2]), SOCK_DGRAM, 0, words[3]) : 97;
}

/* unix-datagram NAME TEXT */
static int step_unix_datagram(int count, char** words) {
  union address to;
  return count == 3 ? send_one(&to, unix_address(&to, words[1]), SOCK_DGRAM, 0, words[2]) : 97;
}

/* peer ADDRESS PORT [TEXT]: gives a UDP socket its peer, and sends when there is a text. */
static int step_peer(int count, char** words) {
  union address to;
  socklen_t length = count >= 3 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_DGRAM) : -1;
  if (fd < 0) return 97;
  actor_say("connect", connect(fd, &to.any, length));
  if (count == 4) actor_say("send", send(fd, words[3], strlen(words[3]), 0));
  close(fd);
  return 0;
}

/* other PEER-ADDRESS PEER-PORT ADDRESS PORT TEXT: sends past the peer that the socket has. */
static int step_other(int count, char** words) {
  union address peer, to;
  if (count != 6) return 97;
  socklen_t peer_length = internet_address(&peer, words[1], words[2]);
  socklen_t length = internet_address(&to, words[3], words[4]);
  int fd = new_socket(&peer, SOCK_DGRAM);
  if (fd < 0 || connect(fd, &peer.any, peer_length)) return 97;
  actor_say("send", sendto(fd, words[5], strlen(words[5]), 0, &to.any, length));
  close(fd);
  return 0;
}

/* message ADDRESS PORT TEXT: the same as udp by sendmsg. */
static int step_message(int count, char** words) {
  union address to;
  socklen_t length = count == 4 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_DGRAM) : -1;
  if (fd < 0) return 97;
  struct iovec piece = {.iov_base = words[3], .iov_len = strlen(words[3])};
  struct msghdr message = {.msg_name = &to, .msg_namelen = length, .msg_iov = &piece, .msg_iovlen = 1};
  actor_say("send", sendmsg(fd, &message, 0));
  close(fd);
  return 0;
}

/* messages ADDRESS PORT-A PORT-X TEXT: sendmmsg to A, X and A. Sends what is left as an application does: after a short
 * count the rest, after an error what comes behind the refused one. */
static int step_messages(int count, char** words) {
  union address to[3];
  struct mmsghdr messages[3] = {0};
  if (count != 5) return 97;
  struct iovec piece = {.iov_base = words[4], .iov_len = strlen(words[4])};
  for (int i = 0; i < 3; i++) {
    messages[i].msg_hdr.msg_namelen = internet_address(&to[i], words[1], i == 1 ? words[3] : words[2]);
    messages[i].msg_hdr.msg_name = &to[i];
    messages[i].msg_hdr.msg_iov = &piece;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int fd = new_socket(&to[0], SOCK_DGRAM);
  for (int done = 0; done < 3;) {
    int sent = sendmmsg(fd, messages + done, (unsigned)(3 - done), 0);
    actor_say("sendmmsg", sent);
    done += sent < 0 ? 1 : sent;
  }
  close(fd);
  return 0;
}

/* listed ADDRESS PORT TEXT: sendmmsg of one. */
static int step_listed(int count, char** words) {
  union address to;
  socklen_t length = count == 4 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_DGRAM) : -1;
  if (fd < 0) return 97;
  struct iovec piece = {.iov_base = words[3], .iov_len = strlen(words[3])};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = &to, .msg_namelen = length, .msg_iov = &piece, .msg_iovlen = 1}};
  actor_say("sendmmsg", sendmmsg(fd, &message, 1, 0));
  close(fd);
  return 0;
}

/* spliced ADDRESS PORT TEXT: from a pipe into a UDP socket that has a peer. */
static int step_spliced(int count, char** words) {
  union address to;
  int ends[2];
  socklen_t length = count == 4 ? internet_address(&to, words[1], words[2]) : 0;
  int fd = length ? new_socket(&to, SOCK_DGRAM) : -1;
  if (fd < 0 || connect(fd, &to.any, length) || pipe(ends)) return 97;
  size_t size = strlen(words[3]);
  if (write(ends[1], words[3], size) != (ssize_t)size) return 97;
  actor_say("splice", splice(ends[0], NULL, fd, NULL, size, 0));
  close(ends[0]);
  close(ends[1]);
  close(fd);
  return 0;
}

const struct actor_step actor_socket[] = {
    {"tcp", step_tcp},
    {"unix", step_unix},
    {"nonblock", step_nonblock},
    {"fastopen", step_fastopen},
    {"fastconnect", step_fastconnect},
    {"udp", step_udp},
    {"unix-datagram", step_unix_datagram},
    {"peer", step_peer},
    {"other", step_other},
    {"message", step_message},
    {"messages", step_messages},
    {"listed", step_listed},
    {"spliced", step_spliced},
    {0, 0},
};
