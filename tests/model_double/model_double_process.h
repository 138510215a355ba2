// The model double (double.py) as a child process of a test, killed with it. What goes wrong with it is thrown.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/json.h"

namespace weir::testing {

// Not thread-safe: owned by the test.
class ModelDoubleProcess {
 public:
  // Starts and waits until it listens.
  ModelDoubleProcess();
  ~ModelDoubleProcess();
  ModelDoubleProcess(const ModelDoubleProcess&) = delete;
  ModelDoubleProcess& operator=(const ModelDoubleProcess&) = delete;

  // "http://127.0.0.1:41234"
  [[nodiscard]] const std::string& url() const { return url_; }
  // What it objected to since it was asked last.
  [[nodiscard]] std::vector<std::string> violations();

  static constexpr const char* kKey = "double-key";

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string url_;
};

}  // namespace weir::testing
