#include "server/last_used.h"

#include <pthread.h>

#include <utility>
#include <vector>

#include "base/log.h"
#include "store/accounts_store.h"

namespace weir::server {

LastUsed::LastUsed(store::Database& database)
    : database_(database), thread_([this](const std::stop_token& stop) { run(stop); }) {
  pthread_setname_np(thread_.native_handle(), "weir-last-used");
}

LastUsed::~LastUsed() {
  thread_.request_stop();
  thread_.join();
  if (auto rest = waiting_.try_pop()) write(*std::move(rest));
}

void LastUsed::run(const std::stop_token& stop) {
  while (auto note = waiting_.pop(stop)) write(*std::move(note));
}

void LastUsed::write(Note first) {
  std::vector<Note> batch;
  batch.push_back(std::move(first));
  while (batch.size() < kWaitingMax) {
    auto next = waiting_.try_pop();
    if (!next) break;
    batch.push_back(*std::move(next));
  }
  auto written = database_.write([&](store::Transaction& transaction) -> Result<void> {
    for (const Note& note : batch) {
      auto touched = store::touch_key(transaction, note.key_id, note.at);
      if (!touched && touched.error().code != ErrorCode::not_found) return touched;
    }
    return {};
  });
  if (!written) {
    log::warning("gate.last_used_not_written",
                 {{"keys", batch.size()}, {"message", written.error().message}, {"cause", written.error().cause}});
  }
}

}  // namespace weir::server
