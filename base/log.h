// The log: one event a line, a name and fields, as JSON in production and as readable text on a terminal.
// The only place that knows spdlog. Secrets are removed here, whoever passes them.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json.h"

namespace weir {

// Bytes made safe to show: control characters and invalid UTF-8 become "\xNN", at most `size_max` bytes are
// kept (then "..."). For quoting a caller's input in a message.
std::string printable(std::string_view bytes, std::size_t size_max = 200);

// API keys (wk_...), webhook secrets (whsec_...), stream tokens (wst_...) and bearer tokens replaced by their first characters and
// "[redacted]".
std::string redacted(std::string_view text);

namespace log {

enum class Level { debug, info, warning, error, off };
enum class Format { text, json };

// Set once, in main, before any thread starts. Lines go to standard error.
void configure(Level level, Format format);
// Nothing if `name` is not one of "debug", "info", "warning", "error", "off".
std::optional<Level> level_from(std::string_view name);

struct Field {
  std::string_view name;
  Json value;
};

// `event` is dotted and constant ("http.listening"), so that it can be searched. Thread-safe; may block on
// standard error.
void debug(std::string_view event, std::initializer_list<Field> fields = {});
void info(std::string_view event, std::initializer_list<Field> fields = {});
void warning(std::string_view event, std::initializer_list<Field> fields = {});
void error(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace log
}  // namespace weir
