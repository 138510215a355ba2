// Where a continuation runs. Threads that must not block (the timer, the event hub's publishers) hand their
// work to one.
#pragma once
#include <functional>

namespace weir {

// Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` soon on one of the executor's threads, or never if the executor is stopping: then returns
  // false. Never blocks.
  virtual bool post(std::function<void()> work) = 0;
};

}  // namespace weir
