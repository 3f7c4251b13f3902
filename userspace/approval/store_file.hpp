// SPDX-License-Identifier: Apache-2.0
// The file of the store: whose it is, whether it is ours to open, and how a new one comes to be.
#pragma once

#include "approval/database.hpp"
#include "base/fd.hpp"

namespace holdpoint::approval {

// Takes <directory>/lock for this process, for as long as the descriptor is open. Error: names the process
// that has it.
[[nodiscard]] Result<Fd> lock_directory(const std::string& directory);
// <directory>/holdpoint.db, made if missing, checked, in WAL mode. Call with the lock held.
[[nodiscard]] Result<Database> open_database(const std::string& directory);

}  // namespace holdpoint::approval
