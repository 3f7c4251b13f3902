// SPDX-License-Identifier: Apache-2.0
#include "daemon/sessions.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "base/log.hpp"
#include "daemon/operator.hpp"
#include "daemon/scope.hpp"
#include "kernel/process.hpp"

namespace holdpoint::daemon {
namespace {

constexpr unsigned kNobody = ~0U;  // the kernel's word for a login uid that is not set

approval::Principal principal_of(unsigned uid) {
  return {"unix", std::to_string(uid), kernel::user_name(uid)};
}

// Who answers for a session, however it was recognised. The login uid names the person, also through sudo. Where nobody logged in it is
// a service's, also when the service calls `holdpoint run`: whoever the policy declares, or else who made its cgroup or called `run` or `tag`.
// A service's cgroup is made by systemd, so without a declaration it is root's, whatever its User= says; of what ran before the daemon
// looked only the user of its first process is known (origin_of).
approval::Principal owner_of(const Core& core, const hp_session& session) {
  if (session.login_uid != kNobody) return principal_of(session.login_uid);
  const auto& agents = core.policies.checked.agents;
  if (session.agent < agents.size() && !agents[session.agent].operated_by.empty())
    return {"declared", {}, agents[session.agent].operated_by};
  return principal_of(session.owner_uid);
}

approval::Session describe(Core& core, std::uint64_t id, const hp_session& session, std::string how) {
  approval::Session described;
  described.id = id;
  described.agent = core.policies.agent_name(session.agent);
  described.cgroup_path = core.cgroups.path_of(session.cgroup).value_or("(gone)");
  described.owner = owner_of(core, session);
  described.recognised_by = std::move(how);
  described.started = core.clock.now().wall;
  return described;
}

// How a session comes to be, and what is said with it.
struct Opening {
  std::string how;  // "cgroup", "xattr", "run", "tag"
  unsigned uid = 0;
  unsigned login = kNobody;
  approval::Claims claims = {};
  std::string tagged_by = {};
};

Result<approval::Session> open(Core& core, std::uint32_t agent, const std::string& cgroup, Opening opening) {
  const auto id = core.cgroups.id_of(cgroup);
  if (!id) return std::unexpected(id.error());
  const auto known = core.programs->cgroup(*id);
  const auto top = known ? core.programs->session(known->session) : std::nullopt;
  // `run` made a cgroup that also matches a pattern: the kernel has opened the session already, without the claims.
  const bool adopt = opening.how == "run" && known && known->agent == agent && top && top->cgroup == *id;
  if (known && !adopt) return fail(cgroup + " belongs to a session already", "holdpoint sessions shows it");
  const auto number =
      adopt ? Result<std::uint64_t>(known->session)
            : core.programs->open_session(agent, *id, opening.uid, opening.login, core.clock.now().boot);
  if (!number) return std::unexpected(number.error());
  hp_session session{};
  session.cgroup = *id;
  session.agent = agent;
  session.owner_uid = opening.uid;
  session.login_uid = opening.login;
  auto described = describe(core, *number, session, std::move(opening.how));
  described.claims = std::move(opening.claims);
  described.tagged_by = std::move(opening.tagged_by);
  if (auto done = carry_out(core, core.ledger.open_session(described, core.clock.now())); !done)
    return std::unexpected(done.error());
  stop_if_locked_down(core, *number);
  return described;
}

Result<std::uint32_t> agent_id(const Core& core, const std::string& name) {
  if (const auto id = policy::find_agent(core.policies.checked, name)) return *id;
  std::string known;
  for (const auto& agent : core.policies.agents) known += (known.empty() ? "" : ", ") + agent.name;
  return fail("no agent \"" + name + "\" in the policy",
              known.empty() ? "the policy declares none" : "it declares: " + known);
}

unsigned login_uid(int pid) {
  std::ifstream in(fmt::format("/proc/{}/loginuid", pid));
  unsigned uid = kNobody;
  in >> uid;
  return in ? uid : kNobody;
}

// Parent and real uid of a process, from /proc/PID/status.
struct Kin {
  int parent = 0;
  unsigned uid = kNobody;
};
Kin kin_of(int pid) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  Kin kin;
  for (std::string line; std::getline(in, line);) {
    (void)std::sscanf(line.c_str(), "PPid: %d", &kin.parent);
    (void)std::sscanf(line.c_str(), "Uid: %u", &kin.uid);
  }
  return kin;
}

// Whose a cgroup is that was there before anybody looked: its first process tells. An empty one is root's, who made it or let it be made.
struct Origin {
  unsigned uid = 0;
  unsigned login = kNobody;
};
Origin origin_of(const Core& core, const std::string& cgroup) {
  for (const auto pid : core.cgroups.processes_in(cgroup)) {
    const auto uid = kin_of(pid).uid;
    if (uid != kNobody) return {uid, login_uid(pid)};  // else it ended meanwhile
  }
  return {};
}

bool contains(const Core& core, const std::string& cgroup, int pid) {
  const auto own = core.cgroups.of_process(pid);
  return own && (*own == cgroup || own->starts_with(cgroup + "/"));
}

// What is no agent's by an operator's hand stays so when patterns are looked at again.
void leave_untagged(const Core& core, std::uint64_t cgroup) {
  const auto path = core.cgroups.path_of(cgroup);
  if (!path) return;
  if (auto marked = core.cgroups.set_untagged(*path, true); !marked)
    log_warning("{}: the next reload may make it an agent's again", event::mask(marked.error().text()));
}

// Without its tag a thread does not come back to take its verdict: its hold would stay in the maps for ever.
void forget_holds(Core& core, std::uint64_t session) {
  for (const auto hold : core.programs->holds()) {
    const auto access = core.programs->hold(hold);
    if (!access || access->fixed.identity.session != session) continue;
    core.programs->remove_refused(hold);
    core.programs->remove_answer(hold);
    const auto thread = core.held.find(hold);
    if (thread == core.held.end()) continue;
    core.parking.release(hold, thread->second, thread->second.user_stopped);
    core.held.erase(thread);
  }
}

}  // namespace

void know_session(Core& core, std::uint64_t id) {
  if (id == 0 || core.ledger.session(id) != nullptr) return;
  const auto session = core.programs->session(id);
  if (!session) return;
  const auto path = core.cgroups.path_of(session->cgroup);
  const bool marked = path && core.cgroups.mark_of(*path);
  (void)carry_out(core, core.ledger.open_session(describe(core, id, *session, marked ? "xattr" : "cgroup"),
                                                 core.clock.now()));
  stop_if_locked_down(core, id);
}

void hear_of_session(Core& core, std::uint64_t id) {
  const auto session = core.programs->session(id);
  if (session && !core.cgroups.path_of(session->cgroup)) core.fresh_sessions.push_back(id);
  else know_session(core, id);
}

void look_at_fresh_sessions(Core& core) {
  for (const auto id : std::exchange(core.fresh_sessions, {})) hear_of_session(core, id);
}

void cgroup_gone(Core& core, std::uint64_t cgroup, bool top) {
  if (!top) return;
  for (const auto& [id, session] : core.programs->sessions()) {
    if (session.cgroup != cgroup) continue;
    // Tasks that left the cgroup keep their tag; without the session every ask of theirs is denied.
    core.programs->remove_session(id);
    core.programs->unbind_session(id);
    (void)carry_out(core, core.ledger.end_session(id, core.clock.now()));
  }
}

void remove_empty_scopes(Core& core) {
  const auto ours = core.config.session_cgroup + "/";
  for (const auto* session : core.ledger.sessions()) {
    if (session->ended || session->recognised_by != "run" || !session->cgroup_path.starts_with(ours))
      continue;
    // The kernel refuses while a process or a leaf is in it. When it is gone, the kernel side rings.
    (void)core.cgroups.remove(session->cgroup_path);
  }
}

Result<> recognise_cgroups(Core& core) {
  core.cgroups.walk([&](const std::string& path, std::uint64_t id) {
    if (core.programs->cgroup(id) || kernel::Parking::is_leaf(path) || core.cgroups.is_untagged(path)) return;
    auto agent = policy::match_cgroup(*core.policies.cgroup_image, path);
    std::string how = "cgroup";
    if (const auto mark = core.cgroups.mark_of(path)) {
      if (const auto marked = policy::find_agent(core.policies.checked, *mark)) {
        agent = *marked;
        how = "xattr";
      }
    }
    if (agent < HP_MAX_AGENTS) {
      const auto origin = origin_of(core, path);
      if (auto opened = open(core, agent, path, {how, origin.uid, origin.login}); !opened)
        log_error("cgroup {}: {}", event::mask(path), event::mask(opened.error().text()));
      return;
    }
    const auto slash = path.rfind('/');
    const auto parent = slash == 0 || slash == std::string::npos ? Result<std::uint64_t>(0)
                                                                 : core.cgroups.id_of(path.substr(0, slash));
    if (parent && core.programs->cgroup(*parent)) core.programs->know_below(id, *parent);
  });
  return core.programs->sweep();
}

Result<approval::Session> start_session(Core& core, const api::Caller& caller,
                                        const api::NewSession& wanted) {
  const auto agent = agent_id(core, wanted.agent);
  if (!agent) return std::unexpected(agent.error());
  if (const auto* lockdown = approval::lockdown_of(core.operators, wanted.agent, 0))
    return std::unexpected(Error{"a lockdown of " + approval::scope_phrase(lockdown->scope) + " is in force",
                                 "holdpoint status says since when and why", EBUSY});
  const auto kin = kin_of(wanted.pid);
  if (kin.parent != caller.pid || kin.uid != caller.uid)
    return fail(fmt::format("process {} is not a child of the caller under the caller's user", wanted.pid),
                "only a process of one's own can be made an agent");
  const auto scope = make_scope(core, wanted.agent, wanted.pid);
  if (!scope) return std::unexpected(scope.error());
  auto session = open(core, *agent, *scope, {"run", caller.uid, login_uid(caller.pid), wanted.claims});
  if (!session) return session;
  // Now that the cgroup is known, entering it tags.
  if (auto moved = core.cgroups.move_process(*scope, wanted.pid); !moved)
    return std::unexpected(moved.error());
  if (auto swept = core.programs->sweep(); !swept) return std::unexpected(swept.error());
  return session;
}

Result<approval::Session> tag(Core& core, const api::Caller& caller, const api::TagTarget& target) {
  if (caller.uid != 0) return fail("only root tags what runs already", "sudo holdpoint tag …");
  const auto agent = agent_id(core, target.agent);
  if (!agent) return std::unexpected(agent.error());
  Result<std::string> path = target.cgroup;
  if (target.pid != 0) path = core.cgroups.of_process(target.pid);
  if (!target.unit.empty()) path = unit_cgroup(target.unit);
  if (!path) return std::unexpected(path.error());
  if (path->empty() || *path == "/")
    return fail("the root cgroup holds the whole host", "name a service, scope or process of its own");
  if (contains(core, *path, ::getpid()))
    return fail("the daemon itself runs in " + *path, "name another cgroup");
  // It could neither approve nor untag any more: a terminal's processes share the cgroup of their login.
  if (contains(core, *path, caller.pid))
    return fail("you are in " + *path + " yourself, and all that is in it would be the agent's",
                "start the agent with holdpoint run, or in a unit of its own: systemd-run --scope");
  const auto login = login_uid(caller.pid);
  const auto by = login == kNobody ? caller.principal.name : kernel::user_name(login);
  auto session = open(core, *agent, *path, {"tag", caller.uid, login, {}, by});
  if (!session) return session;
  if (auto cleared = core.cgroups.set_untagged(*path, false); !cleared)
    log_warning("{}", event::mask(cleared.error().text()));
  // Frozen meanwhile, so that no thread slips out between two looks; what somebody had frozen before stays so.
  const bool frozen = core.cgroups.is_frozen(*path);
  (void)core.cgroups.write(*path, "cgroup.freeze", "1");
  auto recognised = recognise_cgroups(core);
  if (!frozen) (void)core.cgroups.write(*path, "cgroup.freeze", "0");
  stop_if_locked_down(core, session->id);
  if (!recognised) return std::unexpected(recognised.error());
  return session;
}

Result<> untag(Core& core, const api::Caller& caller, std::uint64_t id) {
  if (caller.uid != 0) return fail("only root untags", "sudo holdpoint untag …");
  if (core.ledger.session(id) == nullptr)
    return fail(fmt::format("no session {}", id), "holdpoint sessions lists them");
  if (is_locked_down(core, id))
    return std::unexpected(Error{fmt::format("session {} is stopped by a lockdown", id),
                                 "release it first: holdpoint lockdown --release", EBUSY});
  // Stored first: an agent that is free without a record would be nobody's. Its requests end here too, and what is held is denied.
  const auto how = "untagged by " + caller.principal.name;
  if (auto done = carry_out(core, core.ledger.end_session(id, core.clock.now(), how)); !done) return done;
  for (const auto& [cgroup, value] : core.programs->cgroups()) {
    if (value.session != id) continue;
    leave_untagged(core, cgroup);
    core.programs->remove_cgroup(cgroup);
  }
  if (auto untagged = core.programs->untag(id); !untagged) return untagged;
  forget_holds(core, id);
  core.programs->remove_session(id);
  core.programs->unbind_session(id);
  return {};
}

}  // namespace holdpoint::daemon
