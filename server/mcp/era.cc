#include "server/mcp/era.h"

#include <algorithm>

#include "server/mcp/envelope.h"
#include "server/mcp/revision.h"

namespace weir::mcp {

namespace {

constexpr int kBadRequest = 400;

bool names_modern_version(const http::Headers& headers) {
  const auto value = headers.find("MCP-Protocol-Version");
  return value && revision_from(*value) == kModernRevision;
}

Fault invalid(Json id, std::string text) {
  return {std::move(id), {code::kInvalidRequest, "Invalid request: " + std::move(text), nullptr, kBadRequest}};
}

bool is_modern_element(const Element& element) {
  const auto* message = std::get_if<Message>(&element);
  return message != nullptr && claims_modern(*message);
}

}  // namespace

std::variant<Era, Fault> choose_era(const Body& body, const http::Headers& headers) {
  const bool is_header_modern = names_modern_version(headers);
  if (body.is_batch) {
    if (is_header_modern || std::ranges::any_of(body.elements, is_modern_element)) {
      return invalid(nullptr, "batches do not exist in 2026-07-28; send one message per POST");
    }
    return Era::session;
  }

  const auto& message = std::get<Message>(body.elements.front());
  if (message.kind == Message::Kind::response) {
    if (is_header_modern) return invalid(nullptr, "clients send no responses in 2026-07-28");
    return Era::session;
  }
  if (message.method == "initialize" && message.kind == Message::Kind::request) {
    if (has_valid_envelope(message)) return Era::modern;
    if (!is_header_modern) return Era::session;
    if (!claims_modern(message)) {
      return Fault{message.id,
                   {code::kHeaderMismatch,
                    "Header mismatch: MCP-Protocol-Version names 2026-07-28, which has no initialize; call "
                    "server/discover, or initialize without that header",
                    nullptr, kBadRequest}};
    }
    return Era::modern;
  }
  return claims_modern(message) || is_header_modern ? Era::modern : Era::session;
}

}  // namespace weir::mcp
