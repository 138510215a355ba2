// libFuzzer entry for Url and IpAddress: whatever the bytes, nothing crashes, and the laws hold that the address
// policy leans on.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "egress/address_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::egress::AddressRange;
  using weir::egress::IpAddress;
  using weir::egress::Url;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto address = IpAddress::parse(text)) {
    const auto again = IpAddress::parse(address->to_text());
    CHECK(again && *again == *address, "an address reads back from its text");
    CHECK(address->address_class() == address->unwrapped().address_class(), "wrapping does not change the class");
  }
  static_cast<void>(AddressRange::parse(text));
  if (const auto url = Url::parse(text)) {
    const auto again = Url::parse(url->to_text());
    CHECK(again && *again == *url, "a URL reads back from its text");
    CHECK(url->host.find_first_of("@/\\%[] ") == std::string::npos, "a host holds no delimiter");
    CHECK(url->port != 0 && url->path.starts_with('/'), "port and path are always set");
  }
  static const auto base = Url::parse("https://base.example/a/b?c");
  if (const auto resolved = base->resolve(text)) {
    const auto again = Url::parse(resolved->to_text());
    CHECK(again && *again == *resolved, "a resolved reference is a URL");
  }
  return 0;
}
