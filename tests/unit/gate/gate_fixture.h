// A gate over a real database in a temporary folder, with a clock that tests move.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "limits/memory_limiter.h"
#include "server/gate.h"
#include "server/key_admin.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"

namespace weir::server::testing {

// Counts how often the database is read, to show what happens before any lookup. Thread-safe.
class CountingDatabase final : public store::Database {
 public:
  explicit CountingDatabase(store::Database& inner) : inner_(inner) {}
  Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) override {
    return inner_.write(body);
  }
  Result<void> read(const std::function<Result<void>(store::Transaction&)>& body) override {
    ++reads_;
    if (is_away_) return Error(ErrorCode::unavailable, "the database is away");
    return inner_.read(body);
  }
  [[nodiscard]] int reads() const { return reads_; }
  void go_away() { is_away_ = true; }

 private:
  store::Database& inner_;
  std::atomic<int> reads_{0};
  std::atomic<bool> is_away_{false};
};

// Not thread-safe: owned by a test.
class GateFixture : public ::testing::Test {
 protected:
  GateFixture() {
    store::DatabaseSettings settings;
    settings.path = (folder_.path() / "weir.db").string();
    auto opened = store::Database::open(settings);
    if (!opened) {
      ADD_FAILURE() << opened.error().message << ": " << opened.error().cause;
      std::abort();
    }
    database_ = *std::move(opened);
    counting_ = std::make_unique<CountingDatabase>(*database_);
    admin_ = std::make_unique<KeyAdmin>(*database_, tiers_, clock_, ids_, random_);
    rebuild_gate({});
  }

  void rebuild_gate(const GateSettings& settings) {
    gate_ = std::make_unique<Gate>(settings, *counting_, limiter_, tiers_, clock_, ids_);
  }

  CreatedKey create(KeyRequest request) {
    auto created = admin_->create_key(request, "cli");
    EXPECT_TRUE(created.has_value()) << (created ? "" : created.error().message);
    return created ? *std::move(created) : CreatedKey{};
  }
  CreatedKey free_key() { return create({.account = "acme", .tier = "free", .name = "ci"}); }

  static http::Request request_with(std::string_view name, std::string value) {
    http::Request request;
    request.method = "GET";
    request.path = "/v1/scans";
    request.peer_address = "192.0.2.7";
    if (!name.empty()) request.headers.add(std::string(name), std::move(value));
    return request;
  }
  static http::Request bearer(const std::string& secret) { return request_with("Authorization", "Bearer " + secret); }
  // A key of the right form that no database knows.
  std::string unknown_key() { return make_unknown(random_); }

  std::shared_ptr<const tools::Caller> caller_of(const std::string& secret) {
    auto caller = gate_->authenticate(bearer(secret));
    EXPECT_TRUE(caller.has_value()) << (caller ? "" : caller.error().message);
    return caller ? *caller : nullptr;
  }
  Error refusal_of(const http::Request& request) {
    auto caller = gate_->authenticate(request);
    EXPECT_FALSE(caller.has_value());
    return caller ? Error(ErrorCode::internal, "was accepted") : caller.error();
  }

  weir::testing::TempDir folder_;
  weir::testing::FakeClock clock_;
  weir::testing::FakeRandom random_;
  IdGenerator ids_{clock_, random_};
  limits::Tiers tiers_ = limits::Tiers::defaults();
  limits::MemoryLimiter limiter_{clock_};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<CountingDatabase> counting_;
  std::unique_ptr<KeyAdmin> admin_;
  std::unique_ptr<Gate> gate_;

 private:
  static std::string make_unknown(Random& random);
};

}  // namespace weir::server::testing
