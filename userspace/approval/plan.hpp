// SPDX-License-Identifier: Apache-2.0
// Collects what follows from one change and puts it into the only safe order: what must last first, then what
// is recorded, then what the kernel is told.
#pragma once

#include <iterator>

#include "approval/ledger.hpp"

namespace holdpoint::approval {

class Plan {
 public:
  void save(const Request& request) { saves_.emplace_back(SaveRequest{request}); }
  void save(const Grant& grant) { saves_.emplace_back(SaveGrant{grant}); }
  void save(const Session& session) { saves_.emplace_back(SaveSession{session}); }
  void note(Note note) { notes_.emplace_back(std::move(note)); }
  void answer(Answer answer) { answers_.emplace_back(std::move(answer)); }
  void park(const Hold& hold) { parks_.emplace_back(Park{hold}); }

  // Steps of another plan, each to its kind.
  void add(Steps steps) {
    for (Step& step : steps) {
      if (std::holds_alternative<Note>(step)) notes_.push_back(std::move(step));
      else if (std::holds_alternative<Answer>(step)) answers_.push_back(std::move(step));
      else if (std::holds_alternative<Park>(step)) parks_.push_back(std::move(step));
      else saves_.push_back(std::move(step));
    }
  }

  [[nodiscard]] Steps finish() {
    Steps steps = std::move(saves_);
    for (Steps* part : {&notes_, &answers_, &parks_})
      steps.insert(steps.end(), std::make_move_iterator(part->begin()), std::make_move_iterator(part->end()));
    return steps;
  }

 private:
  Steps saves_, notes_, answers_, parks_;
};

}  // namespace holdpoint::approval
