#include "tools/runs/playbook/step_run.h"

#include <algorithm>

namespace weir::tools::runs {
namespace {

using Status = StepEnd::Status;
using OnError = agents::Step::OnError;
using std::chrono::milliseconds;

// A poll that took this long waited by itself.
constexpr milliseconds kWaitedByItself{1'000};

std::string seconds_text(std::chrono::seconds time) { return std::to_string(time.count()) + " s"; }

std::string_view code_of(const CallOutcome& outcome) {
  if (!outcome.error_code.empty()) return outcome.error_code;
  switch (outcome.end) {
    case CallOutcome::End::denied: return "denied";
    case CallOutcome::End::timed_out: return "timed_out";
    default: return "internal";
  }
}

// The name of the step that the missing `path` leads through, if it is one of `names`.
const std::string* step_of_path(std::string_view path, const std::set<std::string, std::less<>>& names) {
  constexpr std::string_view kSteps = "steps.";
  if (!path.starts_with(kSteps)) return nullptr;
  path.remove_prefix(kSteps.size());
  for (const std::string& name : names) {
    if (path.starts_with(name) &&
        (path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[')) {
      return &name;
    }
  }
  return nullptr;
}

}  // namespace

bool ends_the_run(std::string_view error_code) {
  return error_code == kCodeServerRestarted || error_code == kCodeMaxToolCalls;
}

Json step_error(std::string_view code, std::string_view message) { return {{"code", code}, {"message", message}}; }

void StepRun::begin(const StepSurroundings& surroundings, TimePoint now) {
  has_begun_ = true;
  deadline_ = now + planned_.step.timeout;
  if (planned_.when) {
    auto holds = planned_.when->evaluate_condition(surroundings.bindings);
    if (!holds) {
      Error error = std::move(holds).error();
      error.message = "when: " + error.message;
      return end_for(error, surroundings);
    }
    if (!*holds) {
      return end_with({.status = Status::skipped,
                       .error = step_error("condition_false", "when: " + planned_.when->text() + " is false")});
    }
  }
  make_items(surroundings);
  if (!end_) fill_in(surroundings);
  if (!end_) end_if_over();  // a list without items
}

void StepRun::end_with(StepEnd end) {
  has_begun_ = true;
  is_tainted_ = end.is_tainted;
  end_ = std::move(end);
}

// A value that is not there because its step did not complete: this step has nothing to work with, and is skipped like it.
void StepRun::end_for(const Error& error, const StepSurroundings& surroundings) {
  if (error.code == ErrorCode::not_found && !error.fields.empty()) {
    if (const std::string* const name = step_of_path(error.fields.front().field, surroundings.uncompleted)) {
      return end_with({.status = Status::skipped,
                       .error = step_error("missing_value", "step " + *name + " did not complete: " + error.message)});
    }
  }
  const auto code = error.code == ErrorCode::not_found ? ErrorCode::validation_failed : error.code;
  end_with({.status = Status::failed, .error = step_error(to_string(code), error.message)});
}

void StepRun::make_items(const StepSurroundings& surroundings) {
  if (!planned_.for_each) {
    items_.emplace_back();
    return;
  }
  auto list = planned_.for_each->evaluate(surroundings.bindings);
  if (!list) {
    Error error = std::move(list).error();
    error.message = "for_each: " + error.message;
    return end_for(error, surroundings);
  }
  if (!list->is_array()) {
    return end_for(
        Error(ErrorCode::validation_failed, "for_each: \"" + planned_.for_each->text() + "\" is no list but of type " +
                                                std::string(json_type(*list))),
        surroundings);
  }
  if (list->size() > static_cast<std::size_t>(planned_.step.max_items)) {
    return end_for(
        Error(ErrorCode::validation_failed, "for_each: the list has " + std::to_string(list->size()) +
                                                " items, and max_items is " + std::to_string(planned_.step.max_items)),
        surroundings);
  }
  for (Json& element : *list) items_.emplace_back().element = std::move(element);
}

// All arguments before the first call: nothing is called if one of them cannot be made.
void StepRun::fill_in(const StepSurroundings& surroundings) {
  std::size_t bytes = 0;
  for (Item& item : items_) {
    const Json index = &item - items_.data();
    auto arguments = planned_.args.evaluate(bindings_of(item, index, surroundings));
    if (!arguments) return end_for(arguments.error(), surroundings);
    bytes += json_bytes(*arguments, kStepArgumentsBytesMax);
    if (bytes > kStepArgumentsBytesMax) {
      return end_for(Error(ErrorCode::payload_too_large, "the arguments of all items together are larger than " +
                                                             std::to_string(kStepArgumentsBytesMax) + " bytes"),
                     surroundings);
    }
    item.arguments = *std::move(arguments);
    if (!item.arguments.is_object()) item.arguments = Json::object();
    for (auto it = item.arguments.begin(); it != item.arguments.end();)
      it = it->is_null() ? item.arguments.erase(it) : std::next(it);
  }

  const auto reads_tainted = [&](const Reference& reference) {
    return std::ranges::any_of(surroundings.tainted,
                               [&](const std::string& name) { return reads_text_of(reference, name); });
  };
  const bool is_item_tainted = planned_.for_each && std::ranges::any_of(planned_.for_each->references(), reads_tainted);
  is_influenced_ = std::ranges::any_of(planned_.args.references(), [&](const Reference& reference) {
    return reads_tainted(reference) || (reference.root == "item" && is_item_tainted);
  });
  is_tainted_ = is_influenced_;  // a tool may answer with what it was given
}

Bindings StepRun::bindings_of(const Item& item, const Json& index, const StepSurroundings& surroundings) const {
  Bindings bindings = surroundings.bindings;
  if (planned_.for_each) {
    bindings["item"] = &item.element;
    bindings["index"] = &index;
  }
  return bindings;
}

std::string StepRun::key_of(const Item& item) const {
  std::string key = planned_.step.id;
  if (planned_.for_each) key += "[" + std::to_string(&item - items_.data()) + "]";
  if (item.polls > 0) key += "#" + std::to_string(item.polls + 1);
  return key;
}

CallWish StepRun::wish_of(Item& item, TimePoint now) {
  const agents::Step& step = planned_.step;
  const bool may_retry = step.on_error == OnError::retry;
  CallWish wish{.key = key_of(item),
                .step_id = step.id,
                .tool = step.tool,
                .arguments = item.arguments,
                .must_ask = step.approve == agents::Step::Approve::always,
                .is_influenced = is_influenced_,
                .may_retry = may_retry,
                .max_attempts = may_retry ? step.max_attempts : 1,
                .timeout = std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(deadline_ - now))};
  under_way_[wish.key] = static_cast<std::size_t>(&item - items_.data());
  item.phase = Item::Phase::under_way;
  item.called_at = now;
  item.deadline = deadline_;
  ++item.polls;
  return wish;
}

std::optional<CallWish> StepRun::next_call(TimePoint now) {
  if (!has_begun_ || end_ || starts_no_more_) return std::nullopt;
  for (Item& item : items_) {
    if (item.phase == Item::Phase::pausing && item.wakes_at <= now) item.phase = Item::Phase::ready;
    if (item.phase != Item::Phase::ready) continue;
    if (now >= deadline_) {
      const std::string calls =
          item.polls == 0 ? "it was not called" : "`until` was not true after " + std::to_string(item.polls) + " calls";
      fail(item, "timed_out", "the step's " + seconds_text(planned_.step.timeout) + " were over: " + calls);
      end_if_over();
      if (end_ || starts_no_more_) return std::nullopt;
      continue;
    }
    return wish_of(item, now);
  }
  return std::nullopt;
}

void StepRun::take(const CallOutcome& outcome, const StepSurroundings& surroundings, TimePoint now,
                   std::string_view restarted) {
  const auto found = under_way_.find(outcome.key);
  if (found == under_way_.end()) return;
  Item& item = items_[found->second];
  under_way_.erase(found);
  is_tainted_ = is_tainted_ || outcome.is_tainted;
  // Calls that are held at the same time share the time that they are held.
  deadline_ = std::max(deadline_, item.deadline + outcome.held);
  switch (outcome.end) {
    case CallOutcome::End::completed: take_completed(item, outcome, surroundings, now); break;
    case CallOutcome::End::awaiting_approval: item.phase = Item::Phase::awaiting; break;
    case CallOutcome::End::interrupted: fail(item, kCodeServerRestarted, restarted); break;
    case CallOutcome::End::refused_by_limit: fail(item, kCodeMaxToolCalls, outcome.text); break;
    case CallOutcome::End::failed:
    case CallOutcome::End::denied:
    case CallOutcome::End::timed_out: fail(item, code_of(outcome), outcome.text); break;
    case CallOutcome::End::stopped: return;  // the run stops, and says why
  }
  end_if_over();
}

void StepRun::take_completed(Item& item, const CallOutcome& outcome, const StepSurroundings& surroundings,
                             TimePoint now) {
  item.result = outcome.result.is_null() && !outcome.text.empty() ? Json(outcome.text) : outcome.result;
  if (!planned_.until) {
    item.phase = Item::Phase::completed;
    return;
  }
  const Json index = &item - items_.data();
  Bindings bindings = bindings_of(item, index, surroundings);
  bindings["result"] = &item.result;
  auto holds = planned_.until->evaluate_condition(bindings);
  if (!holds) {
    const auto code = holds.error().code == ErrorCode::not_found ? ErrorCode::validation_failed : holds.error().code;
    return fail(item, to_string(code), "until: " + holds.error().message);
  }
  if (*holds) {
    item.phase = Item::Phase::completed;
    return;
  }
  if (item.polls >= kPollsMax) {
    return fail(item, "timed_out", "`until` was not true after " + std::to_string(kPollsMax) + " calls");
  }
  const bool needs_no_pause = outcome.is_recorded || now - item.called_at - outcome.held >= kWaitedByItself;
  item.phase = needs_no_pause ? Item::Phase::ready : Item::Phase::pausing;
  if (needs_no_pause) return;
  item.wakes_at = std::min(now + item.pause, std::max(deadline_, now));
  item.pause = std::min(item.pause * 2, kPollPauseMost);
}

void StepRun::fail(Item& item, std::string_view code, std::string_view message) {
  item.phase = Item::Phase::failed;
  item.result = nullptr;
  item.error = step_error(code, message);
  if (planned_.step.on_error != OnError::carry_on || ends_the_run(code)) starts_no_more_ = true;
}

bool StepRun::awaits_approval() const {
  return !end_ && std::ranges::any_of(items_, [](const Item& item) { return item.phase == Item::Phase::awaiting; });
}

std::optional<StepRun::TimePoint> StepRun::wakes_at() const {
  std::optional<TimePoint> wakes;
  if (end_ || starts_no_more_) return wakes;
  for (const Item& item : items_) {
    if (item.phase == Item::Phase::pausing && (!wakes || item.wakes_at < *wakes)) wakes = item.wakes_at;
  }
  return wakes;
}

void StepRun::end_if_over() {
  const auto is_over = [](const Item& item) {
    return item.phase == Item::Phase::completed || item.phase == Item::Phase::failed;
  };
  const bool is_all_over = std::ranges::all_of(items_, is_over);
  // After a failure what is under way is heard out; what waits for a person is not waited for.
  if (is_all_over || (starts_no_more_ && under_way_.empty())) end_ = summed_up();
}

StepEnd StepRun::summed_up() const {
  StepEnd end{.is_tainted = is_tainted_};
  const Item* first_failed = nullptr;
  std::size_t failed = 0;
  for (const Item& item : items_) {
    if (item.phase != Item::Phase::failed) continue;
    ++failed;
    // What ends the run counts before what happened earlier.
    const bool is_final = ends_the_run(string_or(item.error, "code", ""));
    if (first_failed == nullptr || (is_final && !ends_the_run(string_or(first_failed->error, "code", ""))))
      first_failed = &item;
  }
  if (!planned_.for_each) {
    end.status = failed == 0 ? Status::completed : Status::failed;
    end.result = items_.front().result;
    end.error = items_.front().error;
    return end;
  }
  std::size_t bytes = 0;
  end.result = Json::array();
  for (const Item& item : items_) {
    bytes += json_bytes(item.result, kStepResultsBytesMax);
    end.result.push_back(item.phase == Item::Phase::completed ? item.result : Json());
  }
  if (first_failed != nullptr) {
    const std::string which = std::to_string(failed) + " of " + std::to_string(items_.size()) + " items failed; item " +
                              std::to_string(first_failed - items_.data()) + ": ";
    end.error =
        step_error(string_or(first_failed->error, "code", ""), which + string_or(first_failed->error, "message", ""));
  }
  // With `continue` what worked is worth going on with.
  const bool is_failed = starts_no_more_ || (failed > 0 && failed == items_.size());
  end.status = is_failed ? Status::failed : Status::completed;
  if (bytes > kStepResultsBytesMax) {
    end.status = Status::failed;
    end.result = nullptr;
    end.error =
        step_error(to_string(ErrorCode::payload_too_large), "the results of all items together are larger than " +
                                                                std::to_string(kStepResultsBytesMax) + " bytes");
  }
  return end;
}

}  // namespace weir::tools::runs
