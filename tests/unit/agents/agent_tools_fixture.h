// The tools that manage agents, over the real tool table and real records. Not thread-safe: owned by one test.
#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "store/audit_store.h"
#include "tests/unit/runs/runs_fixture.h"
#include "tools/runs/tool_policy.h"

namespace weir::tools::agents {

class AgentToolsTest : public runs::RunToolsTest {
 protected:
  AgentToolsTest() {
    directory_.clear();
    for (const Tool& tool : catalog_->tools()) {
      runs::CallableTool callable;
      callable.name = tool.name;
      callable.title = tool.title;
      callable.description = tool.description;
      callable.input_schema = tool.input_schema;
      callable.annotations = tool.annotations;
      callable.scope = tool.scope;
      callable.is_grantable = runs::is_grantable_builtin(tool.name, tool.scope);
      callable.takes_client_token = tool.input_schema["properties"].contains("client_token");
      directory_.add(std::move(callable));
    }
  }

  static Json playbook_arguments(const std::string& name = "My Agent") {
    return {{"name", name},
            {"description", "Looks."},
            {"playbook", {{"steps", {{{"id", "look"}, {"tool", "list_targets"}}}}}}};
  }
  Json made(const std::string& name = "My Agent") { return call("create_agent", playbook_arguments(name)); }

  static std::vector<std::string> fields_of(const Error& error) {
    std::vector<std::string> fields;
    for (const FieldError& field : error.fields) fields.push_back(field.field);
    return fields;
  }
  // "action subject", oldest first, of the caller's account.
  std::vector<std::string> audited(const std::string& account_id, const std::string& prefix) {
    std::vector<std::string> rows;
    auto read = must(database_->read_for(
        [&](store::Transaction& transaction) { return store::list_audit(transaction, account_id, 100); }));
    for (const store::AuditRow& row : read) {
      if (row.action.starts_with(prefix)) rows.insert(rows.begin(), row.action + " " + string_or(row.data, "slug", ""));
    }
    return rows;
  }
};

}  // namespace weir::tools::agents
