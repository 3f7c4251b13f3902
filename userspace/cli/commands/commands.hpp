// SPDX-License-Identifier: Apache-2.0
// Each returns the process's exit code and has printed everything there is to say.
#pragma once

#include "cli/command.hpp"

namespace holdpoint::cli {

Exit run_requests(const Context& context);
Exit run_show(const Context& context);
Exit run_approve(const Context& context);
Exit run_deny(const Context& context);
Exit run_watch(const Context& context);
Exit run_log(const Context& context);
Exit run_status(const Context& context);
Exit run_sessions(const Context& context);
Exit run_grants(const Context& context);
Exit run_revoke(const Context& context);
Exit run_run(const Context& context);
Exit run_tag(const Context& context);
Exit run_untag(const Context& context);
Exit run_lockdown(const Context& context);
Exit run_disarm(const Context& context);
Exit run_arm(const Context& context);
Exit run_doctor(const Context& context);
Exit run_metrics(const Context& context);
Exit run_mode(const Context& context);
Exit run_setup(const Context& context);

}  // namespace holdpoint::cli
