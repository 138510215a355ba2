#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace weir {
namespace {

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The characters of keys and of bearer tokens (RFC 6750 §2.1).
bool is_token_char(char c) {
  return is_letter_or_digit(c) || std::string_view("_-./+=~").find(c) != std::string_view::npos;
}

// The size of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629).
std::size_t utf8_size(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto follows = [&](std::size_t count) {
    if (at + count >= text.size()) return false;
    for (std::size_t i = 1; i <= count; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && follows(1)) return 2;
  if (first >= 0xE0 && first <= 0xEF && follows(2)) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(3)) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t size_max) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t size = utf8_size(bytes, i);
    if (text.size() + std::max<std::size_t>(size, 4) > size_max) {
      text += "...";
      break;
    }
    const auto byte = static_cast<unsigned char>(bytes[i]);
    // C0, DEL and the C1 controls (U+0080..U+009F) move cursors and hide text.
    const bool is_control =
        byte < 0x20 || byte == 0x7F || (size == 2 && byte == 0xC2 && static_cast<unsigned char>(bytes[i + 1]) < 0xA0);
    if (size == 0 || is_control) {
      std::array<char, 5> escape{};
      for (std::size_t k = 0; k < std::max<std::size_t>(size, 1); ++k) {
        std::snprintf(escape.data(), escape.size(), "\\x%02X", static_cast<unsigned char>(bytes[i + k]));
        text += escape.data();
      }
      i += std::max<std::size_t>(size, 1);
    } else {
      text.append(bytes.substr(i, size));
      i += size;
    }
  }
  return text;
}

std::string redacted(std::string_view text) {
  constexpr std::string_view kRedacted = "[redacted]";
  // What starts a secret, and how much of what follows may stay visible (a key's public prefix).
  struct Shape {
    std::string_view start;
    std::size_t visible;
    std::size_t size_min;  // shorter is a word of a sentence
  };
  constexpr std::array<Shape, 6> kShapes = {
      {{"wk_", 4, 5}, {"whsec_", 0, 1}, {"Bearer ", 0, 6}, {"bearer ", 0, 6}, {"sk-", 0, 12}, {"wst_", 0, 5}}};
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Shape* shape = nullptr;
    if (i == 0 || (!is_letter_or_digit(text[i - 1]) && text[i - 1] != '_')) {
      for (const Shape& candidate : kShapes) {
        if (text.substr(i).starts_with(candidate.start)) shape = &candidate;
      }
    }
    if (shape == nullptr) {
      out.push_back(text[i++]);
      continue;
    }
    std::size_t start = i + shape->start.size();
    std::size_t end = start;
    while (end < text.size() && is_token_char(text[end])) ++end;
    // A bearer token may itself be an API key, whose public prefix is worth keeping.
    const std::size_t visible = text.substr(start).starts_with("wk_") ? 7 : shape->visible;
    if (end - start < std::max(shape->size_min, visible + 1)) {
      out.append(text.substr(i, end - i));
    } else {
      out.append(text.substr(i, shape->start.size() + visible)).append(kRedacted);
    }
    i = end;
  }
  return out;
}

namespace detail {

void check_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed: %s (%s) at %s:%d\n", condition, why, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace detail

namespace log {
namespace {

std::atomic<Format> current_format{Format::text};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: break;
  }
  return spdlog::level::off;
}

Json without_secrets(const Json& value) {
  if (value.is_string()) return redacted(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  Json copy = value;
  for (auto& member : copy) member = without_secrets(member);
  return copy;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  spdlog::logger* logger = spdlog::default_logger_raw();
  if (!logger->should_log(to_spdlog(level))) return;
  std::string line;
  if (current_format.load(std::memory_order_relaxed) == Format::json) {
    line = "\"event\":" + to_text(Json(event));
    for (const Field& field : fields) {
      line += "," + to_text(Json(field.name)) + ":" + to_text(without_secrets(field.value));
    }
  } else {
    line = event;
    for (const Field& field : fields) {
      const Json value = without_secrets(field.value);
      line.append(" ").append(field.name).append("=");
      const std::string plain =
          value.is_string() ? printable(value.get_ref<const std::string&>(), 2000) : to_text(value);
      const bool is_bare = !plain.empty() && plain.find_first_of(" \"=") == std::string::npos;
      line += value.is_string() && !is_bare ? to_text(Json(plain)) : plain;
    }
  }
  logger->log(to_spdlog(level), "{}", line);
}

}  // namespace

void configure(Level level, Format format) {
  auto logger = std::make_shared<spdlog::logger>("weir", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::info);
  current_format = format;
  logger->set_pattern(format == Format::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                             : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v",
                      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
}

std::optional<Level> level_from(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Level>, 5> kNames = {{{"debug", Level::debug},
                                                                         {"info", Level::info},
                                                                         {"warning", Level::warning},
                                                                         {"error", Level::error},
                                                                         {"off", Level::off}}};
  for (const auto& [known, level] : kNames) {
    if (known == name) return level;
  }
  return std::nullopt;
}

void debug(std::string_view event, std::initializer_list<Field> fields) { write(Level::debug, event, fields); }
void info(std::string_view event, std::initializer_list<Field> fields) { write(Level::info, event, fields); }
void warning(std::string_view event, std::initializer_list<Field> fields) { write(Level::warning, event, fields); }
void error(std::string_view event, std::initializer_list<Field> fields) { write(Level::error, event, fields); }

}  // namespace log
}  // namespace weir
