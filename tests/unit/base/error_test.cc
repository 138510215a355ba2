#include "base/result.h"

namespace weir {
namespace {

TEST(ErrorTest, EveryCodeHasANameOfItsOwn) {
  std::map<std::string_view, int> names;
  for (int code = 0; code <= static_cast<int>(kLastErrorCode); ++code) ++names[to_string(static_cast<ErrorCode>(code))];

  EXPECT_EQ(names.size(), static_cast<std::size_t>(kLastErrorCode) + 1);
}

TEST(ErrorTest, AnInternalErrorTellsCallersNothingOfItsCause) {
  const Error error = internal_error("SQLITE_CORRUPT at page 7");

  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_THAT(error.message, ::testing::Not(::testing::HasSubstr("SQLITE")));
  EXPECT_EQ(error.cause, "SQLITE_CORRUPT at page 7");
}

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error(ErrorCode::bad_request, "odd").with_field("number", "is odd");
  return number / 2;
}

TEST(ResultTest, HoldsAValueOrAnError) {
  EXPECT_EQ(*half_of(4), 2);
  const auto odd = half_of(3);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().message, "odd");
  ASSERT_EQ(odd.error().fields.size(), 1U);
  EXPECT_EQ(odd.error().fields[0].field, "number");
}

TEST(ResultTest, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);

  const std::unique_ptr<int> taken = *std::move(result);

  EXPECT_EQ(*taken, 5);
}

TEST(ResultTest, OfNothingIsSuccessUnlessAnErrorIsGiven) {
  const Result<void> good;
  const Result<void> bad = Error(ErrorCode::conflict, "taken");

  EXPECT_TRUE(good);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::conflict);
}

TEST(ResultDeathTest, ReadingTheWrongSideIsOurMistake) {
  const Result<int> bad = Error(ErrorCode::conflict, "taken");

  EXPECT_DEATH({ [[maybe_unused]] const int value = *bad; }, "value\\(\\) of a Result that holds an error");
}

}  // namespace
}  // namespace weir
