// The key that seals secrets in the database (base/sealer), in a file of its own beside it: a copy of the database alone
// shows no secret. Made on the first start; readable by its owner only.
#pragma once
#include <filesystem>
#include <string>

#include "base/random.h"
#include "base/result.h"

namespace weir::store {

// The key's 32 bytes. Returns unavailable, naming the path, if the file cannot be read or written or holds something
// else: a key is never replaced, because what was sealed with it would be lost.
Result<std::string> open_key_file(const std::filesystem::path& path, Random& random);

}  // namespace weir::store
