// SPDX-License-Identifier: Apache-2.0
// Collects what libbpf says while it is alive, so that an error can name the reason. libbpf has one print function for the
// process: only the thread that loads programs makes one of these, and never two at once.
#pragma once

#include <cstdarg>
#include <string>

#include <bpf/libbpf.h>

namespace holdpoint::kernel {

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;
  // The last lines, at most 2,000 bytes: the verifier's complaint stands at the end.
  [[nodiscard]] std::string tail() const;

 private:
  libbpf_print_fn_t former_;
};

}  // namespace holdpoint::kernel
