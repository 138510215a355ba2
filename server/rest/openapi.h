// The tool table as an OpenAPI 3.1 document. Pure.
#pragma once
#include <string>

#include "base/json.h"
#include "server/rest/routes.h"

namespace weir::rest {

struct OpenApiSettings {
  std::string public_url;
  std::string version;
  std::string docs_url;
};

Json openapi_document(const RouteTable& routes, const OpenApiSettings& settings);

}  // namespace weir::rest
