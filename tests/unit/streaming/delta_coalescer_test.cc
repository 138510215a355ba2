#include "streaming/delta_coalescer.h"

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;

const DeltaCoalescer::TimePoint kStart{};

TEST(DeltaCoalescerTest, PiecesGatherUntilTheOldestIsOldEnough) {
  DeltaCoalescer coalescer;

  EXPECT_FALSE(coalescer.add("Hel", kStart));
  EXPECT_FALSE(coalescer.add("lo", kStart + milliseconds{99}));
  EXPECT_EQ(coalescer.due(), kStart + DeltaCoalescer::kAgeMax);

  EXPECT_EQ(coalescer.add("!", kStart + milliseconds{100}), "Hello!");
  EXPECT_FALSE(coalescer.due());
}

TEST(DeltaCoalescerTest, AsMuchAsFitsAnEventIsPublishedAtOnce) {
  DeltaCoalescer coalescer;
  const std::string piece(DeltaCoalescer::kBytesMax - 1, 'a');

  EXPECT_FALSE(coalescer.add(piece, kStart));
  EXPECT_EQ(coalescer.add("ü", kStart), piece + "ü") << "a piece is never divided";
}

TEST(DeltaCoalescerTest, WhatHasGatheredCanBeTakenAtAnyTime) {
  DeltaCoalescer coalescer;
  coalescer.add("rest", kStart);

  EXPECT_EQ(coalescer.take(), "rest");
  EXPECT_EQ(coalescer.take(), "");
  EXPECT_FALSE(coalescer.due());
  EXPECT_FALSE(coalescer.add("", kStart));
  EXPECT_FALSE(coalescer.due()) << "nothing gathers from nothing";
}

TEST(DeltaCoalescerTest, TheAgeIsThatOfTheFirstPieceSinceTheLastEvent) {
  DeltaCoalescer coalescer;
  coalescer.add("a", kStart);
  coalescer.take();

  EXPECT_FALSE(coalescer.add("b", kStart + milliseconds{150}));
  EXPECT_EQ(coalescer.due(), kStart + milliseconds{250});
}

}  // namespace
}  // namespace weir::streaming
