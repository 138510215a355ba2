// Something that is being watched for a change.
#pragma once

namespace weir::mcp {

// Ends when it is destroyed: a callback that another thread began before may still be running, so it holds what it
// touches by weak_ptr or shared_ptr. Thread-safe.
class Watch {
 public:
  virtual ~Watch() = default;
};

}  // namespace weir::mcp
