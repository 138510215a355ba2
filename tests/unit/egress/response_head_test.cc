#include "egress/response_head.h"

namespace weir::egress {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

bool add_all(ResponseHead& head, std::initializer_list<std::string_view> lines) {
  for (const std::string_view line : lines) {
    if (!head.add_line(line)) return false;
  }
  return true;
}

TEST(ResponseHeadTest, KeepsOrderCaseAndDuplicates) {
  ResponseHead head(1024);

  ASSERT_TRUE(
      add_all(head, {"HTTP/1.1 200 OK\r\n", "Set-Cookie: a=1\r\n", "x-ONE:  two \r\n", "set-cookie: b=2\r\n", "\r\n"}));

  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.http_version(), "1.1");
  EXPECT_TRUE(head.is_complete());
  EXPECT_THAT(head.take_headers(),
              ElementsAre(Pair("Set-Cookie", "a=1"), Pair("x-ONE", "two"), Pair("set-cookie", "b=2")));
}

TEST(ResponseHeadTest, LeavesOutInterimAnswersAndTrailers) {
  ResponseHead head(1024);

  ASSERT_TRUE(
      add_all(head, {"HTTP/1.1 100 Continue\r\n", "X-Interim: 1\r\n", "\r\n", "HTTP/1.1 103 Early Hints\r\n",
                     "Link: x\r\n", "\r\n", "HTTP/1.0 404 Not Found\r\n", "A: b\r\n", "\r\n", "X-Trailer: 1\r\n"}));

  EXPECT_EQ(head.status(), 404);
  EXPECT_EQ(head.http_version(), "1.0");
  EXPECT_THAT(head.take_headers(), ElementsAre(Pair("A", "b")));
}

TEST(ResponseHeadTest, AnUpgradeIsFinal) {
  ResponseHead head(1024);

  ASSERT_TRUE(add_all(head, {"HTTP/1.1 101 Switching Protocols\r\n", "Upgrade: x\r\n", "\r\n"}));

  EXPECT_TRUE(head.is_complete());
  EXPECT_EQ(head.status(), 101);
}

TEST(ResponseHeadTest, JoinsFoldedLines) {
  ResponseHead head(1024);

  ASSERT_TRUE(add_all(head, {"HTTP/1.1 200 OK\r\n", "A: b\r\n", "\tc\r\n", "\r\n"}));

  EXPECT_THAT(head.take_headers(), ElementsAre(Pair("A", "b c")));
}

TEST(ResponseHeadTest, KeepsALineWithoutColonAsAName) {
  ResponseHead head(1024);

  ASSERT_TRUE(add_all(head, {"HTTP/1.1 200 OK\r\n", "strange\r\n", "Empty:\r\n", "\r\n"}));

  EXPECT_THAT(head.take_headers(), ElementsAre(Pair("strange", ""), Pair("Empty", "")));
}

TEST(ResponseHeadTest, CountsInterimAnswersAgainstTheLimit) {
  ResponseHead head(100);
  int lines = 0;

  while (head.add_line("HTTP/1.1 100 Continue\r\n") && head.add_line("\r\n")) ++lines;

  EXPECT_EQ(lines, 4);
  EXPECT_TRUE(head.is_too_large());
}

}  // namespace
}  // namespace weir::egress
