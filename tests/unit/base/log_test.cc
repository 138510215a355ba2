#include "base/log.h"

#include <random>

namespace weir {
namespace {

TEST(PrintableTest, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("plain"), "plain");
  EXPECT_EQ(printable("größe €"), "größe €");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x1b[2J\r\n"), "\\x1B[2J\\x0D\\x0A");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xC2\\x9B31m");
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xFF\\xC0\\x80");
}

TEST(PrintableTest, CutsLongTextAtItsBound) {
  const std::string text = printable(std::string(1'000, 'x'), 50);

  EXPECT_LE(text.size(), 53U);
  EXPECT_TRUE(text.ends_with("..."));
}

TEST(PrintableTest, NeverCutsACharacterInTwo) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    for (int i = 0; i < 64; ++i) bytes.push_back(static_cast<char>(random()));
    const std::string text = printable(bytes, 40);

    EXPECT_TRUE(parse_json("\"" + std::string(text.size(), 'x') + "\""));
    EXPECT_EQ(to_text(Json(text)).find("\xef\xbf\xbd"), std::string::npos);
  }
}

TEST(RedactedTest, HidesKeysSecretsAndTokens) {
  EXPECT_EQ(redacted("wk_Ab3xYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYY"), "wk_Ab3x[redacted]");
  EXPECT_EQ(redacted("key=wk_Ab3xYYYYYYYYY, next"), "key=wk_Ab3x[redacted], next");
  EXPECT_EQ(redacted("Authorization: Bearer eyJhbGciOi.J9.abc"), "Authorization: Bearer [redacted]");
  EXPECT_EQ(redacted("Bearer wk_Ab3xYYYYYYYYY"), "Bearer wk_Ab3x[redacted]");
  EXPECT_EQ(redacted("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "whsec_[redacted]");
}

TEST(RedactedTest, LeavesOtherTextAlone) {
  for (const std::string_view text : {"", "wk_", "awk_script_with_a_long_name", "the bearer of news", "task-list"}) {
    EXPECT_EQ(redacted(text), text);
  }
}

// Standard error of a child in which one line is logged.
std::string logged(log::Format format, const std::function<void()>& body) {
  ::testing::internal::CaptureStderr();
  log::configure(log::Level::info, format);
  body();
  log::configure(log::Level::off, log::Format::text);
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, WritesJsonLinesWithoutSecrets) {
  const std::string line = logged(log::Format::json, [] {
    log::info("gate.refused",
              {{"key", "wk_Ab3xYYYYYYYYY"}, {"nested", Json{{"token", "Bearer abcdef"}}}, {"count", 3}});
  });

  const auto parsed = parse_json(line);
  ASSERT_TRUE(parsed) << line;
  EXPECT_EQ(string_or(*parsed, "event", ""), "gate.refused");
  EXPECT_EQ(string_or(*parsed, "level", ""), "info");
  EXPECT_EQ(integer_or(*parsed, "count", 0), 3);
  EXPECT_EQ(string_or(*parsed, "key", ""), "wk_Ab3x[redacted]");
  EXPECT_EQ((*parsed)["nested"]["token"], "Bearer [redacted]");
}

TEST(LogTest, WritesOneLineWhateverTheFieldsHold) {
  const std::string text = logged(log::Format::text, [] { log::warning("scan.note", {{"what", "two\nlines"}}); });

  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  EXPECT_THAT(text, ::testing::HasSubstr("scan.note"));
}

TEST(LogTest, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_EQ(logged(log::Format::text, [] { log::debug("too.detailed"); }), "");
}

TEST(LogTest, KnowsItsLevels) {
  EXPECT_EQ(log::level_from("warning"), log::Level::warning);
  EXPECT_EQ(log::level_from("loud"), std::nullopt);
}

}  // namespace
}  // namespace weir
