// Writers of one session, in the order in which they came. While one of them commits, others gather; the first of these
// then makes the changes of all in one transaction, so that a crowd pays for one commit and no writer is overtaken.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "store/commit_order.h"
#include "store/session_transaction.h"

namespace weir::store {

// A Session has kDialect, begin(Access), commit(), rollback(), save(), release(), restore(), run() and is_in_transaction().
// Thread-safe.
template <typename Session>
class GroupCommit {
 public:
  using Body = std::function<Result<void>(Transaction&)>;

  // More would let the first wait too long for the last.
  static constexpr std::size_t kGroupMax = 16;

  // `patience`: how long a call waits for its turn if the database is on a server.
  GroupCommit(std::unique_ptr<Session> session, std::chrono::milliseconds patience)
      : patience_(patience), session_(std::move(session)) {}

  // How many wait for their turn.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  // Blocks until `body` has run, maybe on the thread of another writer, and is committed, and its callbacks have run, in
  // the order of the commits. A body that fails or throws undoes its own changes only.
  Result<void> write(const Body& body) {
    Request request(body);
    if (auto turn = wait_for_turn(request); !turn) return turn;
    if (!request.is_over) lead(request);
    if (request.thrown) std::rethrow_exception(request.thrown);
    return std::move(request.outcome);
  }

  // Calls `what` in a turn of its own, without a transaction: what was committed stays as it is meanwhile.
  void pause(const std::function<void()>& what) {
    static const Body kNothing;
    Request request(kNothing);
    request.is_alone = true;
    if (!wait_for_turn(request)) return;
    const Turn turn{*this};
    what();
  }

 private:
  // Not thread-safe: owned by its writer; the leader's from being taken until it is over.
  struct Request {
    explicit Request(const Body& what) : body(what) {}
    const Body& body;
    Result<void> outcome;
    std::exception_ptr thrown;
    std::vector<std::function<void()>> callbacks;
    // Guarded by mutex_.
    bool is_over = false;
    bool is_leader = false;
    bool is_alone = false;  // joins no group
    std::condition_variable news;
  };
  using Group = std::vector<Request*>;

  // Until the request is over, or it is its writer's turn to lead.
  Result<void> wait_for_turn(Request& request) {
    std::unique_lock lock(mutex_);
    if (!is_led_) {
      is_led_ = true;
      request.is_leader = true;
      return {};
    }
    waiting_.push_back(&request);
    const auto has_news = [&] { return request.is_over || request.is_leader; };
    // Only a server elsewhere can keep a writer for long; what comes of that is then refused instead of piling up.
    if (Session::kDialect != Dialect::sqlite && !request.news.wait_for(lock, patience_, has_news) &&
        std::erase(waiting_, &request) > 0) {
      return Error(ErrorCode::unavailable, "the database is busy: try again").retry_in(std::chrono::seconds{1});
    }
    request.news.wait(lock, has_news);
    return {};
  }

  // Both do their work whatever else happens. Not thread-safe: owned by the leader.
  struct Turn {
    GroupCommit& all;
    ~Turn() { all.pass_on(); }
  };
  struct Followers {
    GroupCommit& all;
    const Group& group;
    ~Followers() {
      const std::lock_guard lock(all.mutex_);
      for (std::size_t i = 1; i < group.size(); ++i) {
        group[i]->is_over = true;
        group[i]->news.notify_one();  // under the lock: its writer goes as soon as it knows
      }
    }
  };

  void lead(Request& own) {
    Group group;
    const Followers followers{*this, group};
    std::optional<std::uint64_t> ticket;
    {
      const Turn turn{*this};
      try {
        group.reserve(kGroupMax);
        group.push_back(&own);
        commit_all(group);
      } catch (...) {  // memory: nothing else throws between the bodies
        give_up(own, group, std::current_exception());
      }
      // Drawn while nobody else can commit.
      if (std::ranges::any_of(group, [](const Request* each) { return !each->callbacks.empty(); })) {
        ticket = order_.draw();
      }
    }
    if (!ticket) return;
    order_.run(*ticket, [&group] {
      for (const Request* const request : group) {
        for (const auto& callback : request->callbacks) CommitOrder::call(callback);
      }
    });
  }

  void give_up(Request& own, Group& group, const std::exception_ptr& cause) {
    if (group.empty()) own.thrown = cause;
    for (Request* const request : group) {
      request->callbacks.clear();
      if (request->outcome && !request->thrown) request->thrown = cause;
    }
    CommitOrder::call([this] { undo(); });
  }

  void pass_on() {
    const std::lock_guard lock(mutex_);
    is_led_ = !waiting_.empty();
    if (!is_led_) return;
    Request& next = *waiting_.front();
    waiting_.pop_front();
    next.is_leader = true;
    next.news.notify_one();
  }

  Request* take_next() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || waiting_.front()->is_alone) return nullptr;
    Request* const next = waiting_.front();
    waiting_.pop_front();
    return next;
  }

  // The transaction of the first, and of all who come while it lasts.
  void commit_all(Group& group) {
    if (auto begun = session_->begin(Access::write); !begun) return fail(group, begun.error(), nullptr);
    if (!make(*group.front())) return undo();
    while (group.size() < kGroupMax) {
      Request* next = take_next();
      // A crowd is on its way: whoever could run but for this thread comes along.
      if (next == nullptr && group.size() == 1 && had_company_) {
        std::this_thread::yield();
        next = take_next();
      }
      if (next == nullptr) break;
      group.push_back(next);
      if (!make_saved(*next)) {
        undo();
        return fail(group, SessionTransaction<Session>::ended(), next);
      }
    }
    had_company_ = group.size() > 1;
    if (auto committed = session_->commit(); !committed) {
      undo();
      fail(group, committed.error(), nullptr);
    }
  }

  void undo() {
    if (session_->is_in_transaction()) session_->rollback();
  }

  // False if nothing of it may be committed.
  bool make(Request& request) {
    SessionTransaction<Session> transaction(*session_);
    try {
      request.outcome = request.body(transaction);
    } catch (...) {  // of its writer, who gets it
      request.thrown = std::current_exception();
      return false;
    }
    if (request.outcome) request.outcome = transaction.standing();
    if (request.outcome) request.callbacks = transaction.take_callbacks();
    return request.outcome.has_value();
  }

  // The same for one of several; false if the whole transaction is gone.
  bool make_saved(Request& request) {
    if (auto saved = session_->save(); !saved) return false;
    if (make(request)) return session_->release().has_value();
    return session_->is_in_transaction() && session_->restore().has_value();
  }

  // Nothing of the group is stored. An error that a body came to may rest on what others of the group had done, so it is
  // told `error`, too; but whoever `lost` the transaction keeps its own.
  void fail(Group& group, const Error& error, const Request* lost) {
    for (Request* const request : group) {
      request->callbacks.clear();
      const bool has_own = request == lost && !request->outcome;
      if (!request->thrown && !has_own) request->outcome = error;
    }
  }

  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::deque<Request*> waiting_;            // guarded by mutex_, in the order of coming; as many as threads write
  bool is_led_ = false;                     // guarded by mutex_
  const std::unique_ptr<Session> session_;  // the leader's
  bool had_company_ = false;                // the leader's: the last group had more than one
  CommitOrder order_;
};

}  // namespace weir::store
