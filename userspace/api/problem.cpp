// SPDX-License-Identifier: Apache-2.0
#include "api/problem.hpp"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "api/wire.hpp"

namespace holdpoint::api {
namespace {

constexpr const char* kStoreHint =
    "nothing has changed and what is held stays held: make room where the daemon keeps its state, then try "
    "again";

const char* title_of(unsigned status) {
  switch (status) {
    case 400: return "Bad request";
    case 403: return "Not allowed";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 408: return "Too slow";
    case 409: return "Conflict";
    case 413: return "Body too large";
    case 422: return "Not acceptable as it stands";
    case 431: return "Header too large";
    case 503: return "Not available now";
    case 505: return "HTTP version not supported";
    default: return "Internal error";
  }
}

}  // namespace

Reply problem(unsigned status, const std::string& code, const std::string& detail, const std::string& hint) {
  nlohmann::json body{{"type", "about:blank"},
                      {"title", title_of(status)},
                      {"status", status},
                      {"detail", detail},
                      {"code", code}};
  if (!hint.empty()) body["hint"] = hint;
  return Reply{.status = status, .body = dump(body), .content_type = "application/problem+json", .allow = {}};
}

Reply problem(const approval::DecideError& error) {
  using Kind = approval::DecideError::Kind;
  switch (error.kind) {
    case Kind::not_found:
      return problem(404, "not-found", error.message, "GET /v1/requests?state=open lists what is open");
    case Kind::not_open: return problem(409, "not-open", error.message, "it cannot be decided any more");
    case Kind::other_digest: return problem(409, "other-digest", error.message, "read it again, then decide");
    case Kind::only_deniable:
      return problem(422, "only-deniable", error.message, "deny it: nobody can approve it as it is");
    case Kind::too_many_grants:
      return problem(422, "too-many-grants", error.message,
                     "revoke some (GET /v1/grants lists them), approve with scope once, or deny");
    case Kind::not_read: return problem(409, "conflict", error.message, "try again");
    case Kind::invalid: return problem(422, "invalid", error.message);
    case Kind::not_stored:
      return problem(503, "not-stored", error.message,
                     error.hint.empty() ? std::string(kStoreHint) : error.hint);
  }
  return problem(500, "internal", error.message);
}

Reply problem(const Error& error) {
  switch (error.code) {
    case 0:
    case EINVAL: return problem(422, "refused", error.message, error.hint);
    case ENOENT:
    case ESRCH: return problem(404, "not-found", error.message, error.hint);
    case EPERM:
    case EACCES: return problem(403, "not-allowed", error.message, error.hint);
    case EBUSY:
    case EEXIST: return problem(409, "conflict", error.message, error.hint);
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EIO:
      return problem(503, "not-stored", error.message,
                     error.hint.empty() ? std::string(kStoreHint) : error.hint);
    default: return problem(500, "internal", error.message, error.hint);
  }
}

}  // namespace holdpoint::api
