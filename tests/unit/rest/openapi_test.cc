#include "server/rest/openapi.h"

#include "tests/unit/tools/tools_fixture.h"

namespace weir::rest {
namespace {

class OpenApiTest : public tools::ToolsTest {
 protected:
  Json document_ = openapi_document(RouteTable(*catalog_), {.public_url = "http://x", .version = "1", .docs_url = ""});
};

void expect_references_resolve(const Json& root, const Json& value) {
  if (!value.is_structured()) return;
  if (value.is_object() && value.contains("$ref")) {
    const std::string reference = value["$ref"];
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_TRUE(root.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
  for (const Json& member : value) expect_references_resolve(root, member);
}

TEST_F(OpenApiTest, EveryReferenceResolves) { expect_references_resolve(document_, document_); }

TEST_F(OpenApiTest, EveryOperationHasAnIdResponsesAndItsPathParameters) {
  std::set<std::string> ids;
  for (const auto& [path, item] : document_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << path;
      EXPECT_FALSE(operation["responses"].empty()) << path;
      std::set<std::string> declared;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter.value("in", "") != "path") continue;
        declared.insert(parameter["name"]);
        EXPECT_EQ(parameter["required"], true) << path;
      }
      EXPECT_EQ(declared.size(), static_cast<std::size_t>(std::count(path.begin(), path.end(), '{'))) << path;
      for (const std::string& name : declared) EXPECT_NE(path.find("{" + name + "}"), std::string::npos);
    }
  }
  for (const tools::Tool& tool : catalog_->tools()) EXPECT_TRUE(ids.contains(tool.name)) << tool.name;
}

TEST_F(OpenApiTest, ArgumentsOfThePathAreNoPartOfTheBody) {
  const Json& cancel = document_["paths"]["/v1/scans/{scan_id}/cancel"]["post"];
  const Json& create = document_["paths"]["/v1/scans"]["post"];

  EXPECT_FALSE(cancel.contains("requestBody"));
  EXPECT_TRUE(create["requestBody"]["content"]["application/json"]["schema"]["properties"].contains("profile"));
  EXPECT_TRUE(create["responses"].contains("202"));
}

TEST_F(OpenApiTest, OnlyThePublicRoutesNeedNoKey) {
  for (const auto& [path, item] : document_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_EQ(operation.contains("security"), !path.starts_with("/v1/")) << path;
    }
  }
}

}  // namespace
}  // namespace weir::rest
