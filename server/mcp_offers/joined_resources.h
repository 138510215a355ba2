// Two providers of resources as one: by the beginning of the URI, the lists one after the other.
#pragma once
#include <string>
#include <vector>

#include "server/mcp/resources.h"

namespace weir::mcp_offers {

// Thread-safe.
class JoinedResources final : public mcp::ResourceProvider {
 public:
  // Whatever begins with `prefix` is `second`'s. Both must outlive this and every watch.
  JoinedResources(const mcp::ResourceProvider& first, const mcp::ResourceProvider& second, std::string_view prefix)
      : first_(first), second_(second), prefix_(prefix) {}

  Result<mcp::ResourcePage> list(const tools::CallContext& context, const std::string& cursor) const override;
  [[nodiscard]] std::vector<mcp::ResourceTemplate> templates() const override;
  [[nodiscard]] tools::Scope scope_of(std::string_view uri) const override { return of(uri).scope_of(uri); }
  Result<std::vector<mcp::ResourceContent>> read(const tools::CallContext& context,
                                                 const std::string& uri) const override {
    return of(uri).read(context, uri);
  }
  Result<std::vector<std::string>> complete(const tools::CallContext& context, const std::string& uri_template,
                                            const mcp::CompletionRequest& request) const override {
    return of(uri_template).complete(context, uri_template, request);
  }
  std::shared_ptr<mcp::Watch> watch(const tools::CallContext& context, const std::string& uri,
                                    std::function<void()> changed) const override {
    return of(uri).watch(context, uri, std::move(changed));
  }

 private:
  [[nodiscard]] const mcp::ResourceProvider& of(std::string_view uri) const {
    return uri.starts_with(prefix_) ? second_ : first_;
  }

  const mcp::ResourceProvider& first_;
  const mcp::ResourceProvider& second_;
  const std::string prefix_;
};

}  // namespace weir::mcp_offers
