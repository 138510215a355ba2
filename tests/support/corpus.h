// The inputs of a fuzzer's corpus (tests/fuzz/corpus/NAME), so that every run replays what fuzzing found, with g++ and
// without libFuzzer.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace weir::testing {

// As libFuzzer calls it; 0 if the input kept all laws, else it does not return.
using OneInput = int (*)(const std::uint8_t* data, std::size_t size);

// Fails the test, and answers nothing, if the tree is not known or the corpus is not there.
inline std::vector<std::string> corpus(std::string_view name) {
  std::vector<std::string> inputs;
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  if (root == nullptr) {
    ADD_FAILURE() << "run by ctest, or set WEIR_SOURCE_DIR to the root of the tree";
    return inputs;
  }
  std::error_code missing;
  const auto folder = std::filesystem::path(root) / "tests/fuzz/corpus" / name;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  EXPECT_FALSE(missing) << folder << ": " << missing.message();
  return inputs;
}

inline int run_input(OneInput one_input, std::string_view bytes) {
  return one_input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// Each input once; how many there were.
inline int replay_corpus(std::string_view name, OneInput one_input) {
  const std::vector<std::string> inputs = corpus(name);
  for (const std::string& input : inputs) EXPECT_EQ(run_input(one_input, input), 0);
  return static_cast<int>(inputs.size());
}

}  // namespace weir::testing
