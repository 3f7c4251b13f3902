// SPDX-License-Identifier: Apache-2.0
#include "audit/kind.hpp"

namespace holdpoint::audit {

std::string_view kind_word(const v1::Record& record) {
  switch (record.kind_case()) {
    case v1::Record::kDaemonStarted: return "daemon_started";
    case v1::Record::kDaemonStopped: return "daemon_stopped";
    case v1::Record::kPolicyLoaded: return "policy_loaded";
    case v1::Record::kPolicyRefused: return "policy_refused";
    case v1::Record::kSessionStarted: return "session";
    case v1::Record::kSessionEnded: return "session_ended";
    case v1::Record::kHeld: return "hold";
    case v1::Record::kRequestOpened: return "request";
    case v1::Record::kDecided: return "decision";
    case v1::Record::kExpired: return "expiry";
    case v1::Record::kCancelled: return "cancellation";
    case v1::Record::kSuperseded: return "superseded";
    case v1::Record::kReleased: return "release";
    case v1::Record::kDenied: return "denial";
    case v1::Record::kLogged: return "logged";
    case v1::Record::kGranted: return "granted";
    case v1::Record::kGrantMade: return "grant";
    case v1::Record::kGrantRevoked: return "grant_revoked";
    case v1::Record::kTampered: return "tampered";
    case v1::Record::kGuardTouched: return "guard";
    case v1::Record::kLost: return "lost";
    case v1::Record::kOperator: return "operator";
    case v1::Record::kMode: return "mode";
    case v1::Record::kObserved: return "observed";
    case v1::Record::KIND_NOT_SET: break;
  }
  return "unknown";
}

}  // namespace holdpoint::audit
