// Whether a configured provider can be used: is it there, is its key good, does it know the model, does the model call a tool
// that it is told to call. For `weir doctor` and POST /v1/providers/{provider}/test; it asks the model one small question,
// which costs what the provider charges for some hundred tokens.
#pragma once
#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tools/models/configured_providers.h"

namespace weir::tools::models {

// What one step of a check found. Not thread-safe: a value.
struct CheckStep {
  enum class Status : std::uint8_t { ok, warning, failed } status = Status::ok;
  std::string name;  // key, connection, model, answer, tools, stream, usage
  std::string message;
  std::string advice;  // "" if nothing has to be done
};
std::string_view to_string(CheckStep::Status status);

// Not thread-safe: a value.
struct ProviderCheck {
  std::string provider;
  std::string model;
  std::vector<CheckStep> steps;
  std::chrono::milliseconds elapsed{0};

  // No step failed.
  [[nodiscard]] bool is_ok() const;
};
Json check_json(const ProviderCheck& check);

// Local servers load a model when it is first asked, which takes a while.
struct CheckPatience {
  std::chrono::milliseconds list{10'000};
  std::chrono::milliseconds answer{120'000};
};

// Returns not_found if there is no provider of that name. Blocks up to both of `patience`; a stop ends it at once.
Result<ProviderCheck> check_provider(const ConfiguredProviders& providers, std::string_view name,
                                     const CheckPatience& patience, std::stop_token stop);

// Checks on demand of callers, one at a time, so that they hold one thread of the server at most. Thread-safe.
class ProviderChecks {
 public:
  // How long a caller waits at most; their connection should not be the first to give up.
  static constexpr CheckPatience kPatience{.list = std::chrono::milliseconds{5'000},
                                           .answer = std::chrono::milliseconds{40'000}};

  // `providers` must outlive this.
  explicit ProviderChecks(const ConfiguredProviders& providers) : providers_(providers) {}

  // As check_provider(). Returns conflict while another one runs.
  Result<ProviderCheck> run(std::string_view name);
  // Ends the one that runs; later ones end at once.
  void stop() { stop_.request_stop(); }

 private:
  const ConfiguredProviders& providers_;
  std::stop_source stop_;
  std::mutex running_;
};

}  // namespace weir::tools::models
