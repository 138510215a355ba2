#include "tests/conformance/fixture_tools.h"

namespace weir::mcp::fixtures {

namespace {

using Run = std::shared_ptr<Interaction>;
using std::chrono::milliseconds;

// A red pixel, and a WAV file without a sample.
constexpr std::string_view kPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
constexpr std::string_view kWav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

Json no_input() { return {{"type", "object"}, {"properties", Json::object()}}; }
Json input(Json properties, Json required = Json::array()) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}
Json string_property() { return {{"type", "string"}}; }

McpTool tool(std::string name, std::string description, Json input_schema, InteractionHandler handler) {
  McpTool made;
  made.declaration.title = name;
  made.declaration.name = std::move(name);
  made.declaration.description = std::move(description);
  made.declaration.input_schema = std::move(input_schema);
  made.declaration.cost = 0;
  made.handler = std::move(handler);
  return made;
}
McpTool content_tool(std::string name, Json content) {
  Json result{{"content", std::move(content)}, {"isError", false}};
  return tool(std::move(name), "Answers with fixed content.", no_input(),
              [result](const Run& run) { run->answer(result); });
}
Json text_block(std::string_view text) { return {{"type", "text"}, {"text", text}}; }
Json image_block() { return {{"type", "image"}, {"data", kPng}, {"mimeType", "image/png"}}; }
Json resource_block(std::string_view uri) {
  return {{"type", "resource"},
          {"resource", {{"uri", uri}, {"mimeType", "text/plain"}, {"text", "This is an embedded resource."}}}};
}

Json form(std::string_view message, Json properties, Json required = Json::array()) {
  return {{"method", "elicitation/create"},
          {"params",
           {{"message", message},
            {"requestedSchema",
             {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}}}};
}
Json name_form() { return form("What is your name?", {{"name", string_property()}}, {"name"}); }
Json sampling(std::string_view text) {
  return {
      {"method", "sampling/createMessage"},
      {"params", {{"messages", Json::array({{{"role", "user"}, {"content", text_block(text)}}})}, {"maxTokens", 100}}}};
}
Json roots() { return {{"method", "roots/list"}, {"params", Json::object()}}; }

// Asks until every key is answered, then answers with what was said.
InteractionHandler ask_for(Json requests, Json state, std::string text) {
  return [requests = std::move(requests), state = std::move(state), text = std::move(text)](const Run& run) {
    Json missing = Json::object();
    for (const auto& [key, request] : requests.items()) {
      if (!run->responses().contains(key)) missing[key] = request;
    }
    if (!missing.empty() || run->state() != state) return run->ask(requests, state);
    run->answer(text_result(text + " " + to_text(run->responses())));
  };
}

void content_tools(std::vector<McpTool>& list) {
  const Json wav{{"type", "audio"}, {"data", kWav}, {"mimeType", "audio/wav"}};
  list.push_back(
      content_tool("test_simple_text", Json::array({text_block("This is a simple text response for testing.")})));
  list.push_back(content_tool("test_image_content", Json::array({image_block()})));
  list.push_back(content_tool("test_audio_content", Json::array({wav})));
  list.push_back(content_tool("test_embedded_resource", Json::array({resource_block("test://embedded-resource")})));
  list.push_back(content_tool("test_multiple_content_types",
                              Json::array({text_block("Multiple content types test:"), image_block(),
                                           resource_block("test://mixed-content-resource")})));
  list.push_back(tool("test_error_handling", "Fails.", no_input(), [](const Run& run) {
    run->answer(text_result("This tool intentionally returns an error for testing", true));
  }));
  Json schema = parse_json(R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
    "$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
    "properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},
      "contactMethod":{"type":"string","enum":["phone","email"]},"phone":{"type":"string"},"email":{"type":"string"}},
    "allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
    "if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},
    "then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false})")
                    .value();
  list.push_back(tool("json_schema_2020_12_tool", "Has a schema with the keywords of 2020-12.", std::move(schema),
                      [](const Run& run) { run->answer(text_result("ok " + to_text(run->arguments()))); }));
  Json region = string_property();
  region["x-mcp-header"] = "Region";
  list.push_back(tool("test_x_mcp_header", "Repeats a header.", input({{"region", region}}),
                      [](const Run& run) { run->answer(text_result(string_or(run->arguments(), "region", ""))); }));
}

void step(const Run& run, int done, int total, const std::function<void(int)>& tell) {
  tell(done);
  if (done == total) return run->answer(text_result("done"));
  run->later(milliseconds{50}, [run, done, total, tell] { step(run, done + 1, total, tell); });
}

void running_tools(std::vector<McpTool>& list, ListChanges& changes) {
  list.push_back(tool("test_tool_with_logging", "Logs three lines.", no_input(), [](const Run& run) {
    step(run, 1, 3, [run = run.get()](int done) {
      constexpr std::string_view kLines[] = {"Tool execution started", "Tool processing data",
                                             "Tool execution completed"};
      run->log("info", kLines[done - 1]);
    });
  }));
  list.push_back(tool("test_logging_tool", "Logs a line.", no_input(), [](const Run& run) {
    run->log("info", "A line.");
    run->answer(text_result("logged"));
  }));
  list.push_back(tool("test_tool_with_progress", "Tells 0, 50 and 100 percent.", no_input(), [](const Run& run) {
    step(run, 0, 2, [run = run.get()](int done) { run->progress(50.0 * done, 100); });
  }));
  // Ends its own connection; the answer waits for the client to come back.
  list.push_back(tool("test_reconnection", "Breaks its stream before it answers.", no_input(), [](const Run& run) {
    run->open_stream();
    run->later(milliseconds{50}, [run] {
      run->break_stream();
      run->later(milliseconds{100}, [run] { run->answer(text_result("Reconnected.")); });
    });
  }));
  const auto trigger = [&changes](ListKind kind) {
    return [&changes, kind](const Run& run) {
      changes.publish(kind);
      run->answer(text_result("changed"));
    };
  };
  list.push_back(tool("test_trigger_tool_change", "Changes the tools.", no_input(), trigger(ListKind::tools)));
  list.push_back(tool("test_trigger_prompt_change", "Changes the prompts.", no_input(), trigger(ListKind::prompts)));
  McpTool needs_sampling = tool("test_missing_capability", "Needs sampling.", no_input(),
                                [](const Run& run) { run->answer(text_result("ok")); });
  needs_sampling.required_capabilities = {{"sampling", Json::object()}};
  list.push_back(std::move(needs_sampling));
}

void asking_tools(std::vector<McpTool>& list) {
  const std::string prefix = "test_input_required_result_";
  const auto add = [&](const std::string& name, InteractionHandler handler) {
    list.push_back(tool(name, "Asks the client.", no_input(), std::move(handler)));
  };
  add(prefix + "elicitation", ask_for({{"user_name", name_form()}}, nullptr, "Hello,"));
  add(prefix + "sampling",
      ask_for({{"capital_question", sampling("What is the capital of France?")}}, nullptr, "Answer:"));
  add(prefix + "list_roots", ask_for({{"client_roots", roots()}}, nullptr, "Roots:"));
  const Json confirm{{"confirm", form("Please confirm", {{"ok", {{"type", "boolean"}}}}, {"ok"})}};
  add(prefix + "request_state", ask_for(confirm, "state", "state-ok"));
  add(prefix + "tampered_state", ask_for(confirm, "state", "state-ok"));
  add(prefix + "multiple_inputs",
      ask_for({{"user_name", name_form()}, {"greeting", sampling("Generate a greeting")}, {"client_roots", roots()}},
              "all", "Got"));
  add(prefix + "multi_round", [](const Run& run) {
    if (run->state() == 2 && run->responses().contains("step2")) return run->answer(text_result("All steps done."));
    if (run->state() == 1 && run->responses().contains("step1")) {
      return run->ask(
          {{"step2", form("Step 2: What is your favorite color?", {{"color", string_property()}}, {"color"})}}, 2);
    }
    run->ask({{"step1", form("Step 1: What is your name?", {{"name", string_property()}}, {"name"})}}, 1);
  });
  add(prefix + "capabilities", [](const Run& run) {
    Json requests = Json::object();
    if (run->can_ask("sampling/createMessage")) requests["sample"] = sampling("Say hello");
    if (run->can_ask("elicitation/create")) requests["form"] = name_form();
    if (requests.empty() || !run->responses().empty()) return run->answer(text_result("done"));
    run->ask(std::move(requests));
  });
  add("test_streaming_elicitation", [](const Run& run) {
    run->open_stream();
    if (!run->responses().empty()) return run->answer(text_result("done"));
    run->ask({{"user_name", name_form()}});
  });
}

// What the revisions with sessions call: the same questions, asked by requests to the client.
void session_tools(std::vector<McpTool>& list) {
  list.push_back(tool("test_sampling", "Asks for a sample.", input({{"prompt", string_property()}}, {"prompt"}),
                      [](const Run& run) {
                        if (const Json* said = find_member(run->responses(), "sample")) {
                          return run->answer(text_result("LLM response: " + to_text((*said)["content"])));
                        }
                        run->ask({{"sample", sampling(string_or(run->arguments(), "prompt", ""))}});
                      }));
  list.push_back(tool(
      "test_elicitation", "Asks for a form.", input({{"message", string_property()}}, {"message"}), [](const Run& run) {
        if (const Json* said = find_member(run->responses(), "form")) {
          return run->answer(text_result("User response: " + to_text(*said)));
        }
        run->ask(
            {{"form", form(string_or(run->arguments(), "message", ""),
                           {{"username", string_property()}, {"email", string_property()}}, {"username", "email"})}});
      }));
  const auto once = [](Json request) {
    return ask_for({{"form", std::move(request)}}, nullptr, "Elicitation completed:");
  };
  list.push_back(tool(
      "test_elicitation_sep1034_defaults", "Asks with defaults.", no_input(),
      once(form("Please review",
                {{"name", {{"type", "string"}, {"default", "John Doe"}}},
                 {"age", {{"type", "integer"}, {"default", 30}}},
                 {"score", {{"type", "number"}, {"default", 95.5}}},
                 {"status", {{"type", "string"}, {"enum", {"active", "inactive", "pending"}}, {"default", "active"}}},
                 {"verified", {{"type", "boolean"}, {"default", true}}}}))));
  Json titled =
      parse_json(
          R"([{"const":"value1","title":"First"},{"const":"value2","title":"Second"},{"const":"value3","title":"Third"}])")
          .value();
  list.push_back(tool(
      "test_elicitation_sep1330_enums", "Asks with every form of an enum.", no_input(),
      once(form("Please choose",
                {{"untitledSingle", {{"type", "string"}, {"enum", {"option1", "option2", "option3"}}}},
                 {"titledSingle", {{"type", "string"}, {"oneOf", titled}}},
                 {"legacyEnum",
                  {{"type", "string"},
                   {"enum", {"opt1", "opt2", "opt3"}},
                   {"enumNames", {"Option One", "Option Two", "Option Three"}}}},
                 {"untitledMulti",
                  {{"type", "array"}, {"items", {{"type", "string"}, {"enum", {"option1", "option2", "option3"}}}}}},
                 {"titledMulti", {{"type", "array"}, {"items", {{"anyOf", titled}}}}}}))));
}

void task_tools(std::vector<McpTool>& list, TaskBoard& board) {
  // Runs as a task for a client that can follow one, else answers when it is done.
  const auto after = [&board](const Run& run, milliseconds delay, std::function<void(const std::string&)> end,
                              Json plain) {
    if (!run->may_be_task()) return run->later(delay, [run, plain] { run->answer(plain); });
    const Task task = board.start(run->context().caller->key_id);
    run->answer_task(task);
    run->later(delay, [end = std::move(end), id = task.id] { end(id); });
  };
  list.push_back(tool("greet", "Greets.", input({{"name", string_property()}}, {"name"}), [](const Run& run) {
    run->answer(text_result("Hello, " + string_or(run->arguments(), "name", "") + "!"));
  }));
  list.push_back(tool("slow_compute", "Takes its time.",
                      input({{"seconds", {{"type", "number"}}}, {"label", string_property()}}, {"seconds"}),
                      [&board, after](const Run& run) {
                        const Json result = text_result("computed " + string_or(run->arguments(), "label", ""));
                        const auto seconds = integer_or(run->arguments(), "seconds", 0);
                        after(
                            run, std::chrono::seconds{seconds},
                            [&board, result](const std::string& id) { board.complete(id, result); }, result);
                      }));
  McpTool failing = tool("failing_job", "Fails as a tool does.", no_input(), [&board, after](const Run& run) {
    const Json result = text_result("The job failed.", true);
    after(
        run, milliseconds{1'000}, [&board, result](const std::string& id) { board.complete(id, result); }, result);
  });
  failing.is_only_a_task = true;
  list.push_back(std::move(failing));
  list.push_back(tool("protocol_error_job", "Fails as a protocol does.", no_input(), [&board, after](const Run& run) {
    after(
        run, milliseconds{100},
        [&board](const std::string& id) { board.fail(id, code::kInternalError, "The job broke down."); },
        text_result("The job broke down.", true));
  }));
  const auto parked = [&board](Json requests, std::string text) {
    return [&board, requests = std::move(requests), text = std::move(text)](const Run& run) {
      if (!run->may_be_task()) return run->answer(text_result(text));
      auto id = std::make_shared<std::string>();
      const Task task = board.start(run->context().caller->key_id, requests, [&board, id, text](const Json& responses) {
        board.complete(*id, text_result(text + " " + to_text(responses)));
      });
      *id = task.id;
      Task shown = task;
      shown.payload = Json::object();
      run->answer_task(shown);
    };
  };
  list.push_back(tool("confirm_delete", "Deletes after a confirmation.",
                      input({{"filename", string_property()}}, {"filename"}),
                      parked({{"confirmation", form("Really?", {{"confirm", {{"type", "boolean"}}}})}}, "Deleted.")));
  list.push_back(tool(
      "multi_input", "Asks two things.", no_input(),
      parked({{"first", name_form()}, {"second", form("Sure?", {{"confirm", {{"type", "boolean"}}}})}}, "Got both.")));
  McpTool composed = tool("test_tool_with_task", "Asks, then works.", no_input(), [&board](const Run& run) {
    const Json* said = find_member(run->responses(), "user_name");
    if (said == nullptr) return run->ask({{"user_name", name_form()}});
    const Task task = board.start(run->context().caller->key_id);
    run->answer_task(task);
    run->later(milliseconds{100},
               [&board, id = task.id, text = "Hello, " + to_text(*said)] { board.complete(id, text_result(text)); });
  });
  composed.is_only_a_task = true;
  list.push_back(std::move(composed));
}

Json prompt_result(Json messages) { return {{"messages", std::move(messages)}}; }

// Thread-safe.
class FixtureResources final : public ResourceProvider {
 public:
  Result<ResourcePage> list(const tools::CallContext&, const std::string& cursor) const override {
    if (!cursor.empty()) return Error(ErrorCode::validation_failed, "unknown cursor");
    return ResourcePage{{{"test://static-text", "Static Text", "", "A text.", "text/plain"},
                         {"test://static-binary", "Static Binary", "", "An image.", "image/png"},
                         {"test://watched-resource", "Watched Resource", "", "A text that may change.", "text/plain"}},
                        std::nullopt};
  }
  [[nodiscard]] std::vector<ResourceTemplate> templates() const override {
    return {{"test://template/{id}/data", "Resource Template", "", "Data of an id.", "application/json"}};
  }
  [[nodiscard]] tools::Scope scope_of(std::string_view) const override { return tools::Scope::none; }
  Result<std::vector<ResourceContent>> read(const tools::CallContext&, const std::string& uri) const override {
    using Contents = std::vector<ResourceContent>;
    if (uri == "test://static-text")
      return Contents{{uri, "text/plain", "This is the content of the static text resource."}};
    if (uri == "test://watched-resource") return Contents{{uri, "text/plain", "Watched."}};
    if (uri == "test://static-binary") return Contents{{uri, "image/png", "\x89PNG", false}};
    constexpr std::string_view kHead = "test://template/";
    constexpr std::string_view kTail = "/data";
    if (uri.starts_with(kHead) && uri.ends_with(kTail) && uri.size() > kHead.size() + kTail.size()) {
      const std::string id = uri.substr(kHead.size(), uri.size() - kHead.size() - kTail.size());
      return Contents{
          {uri, "application/json", to_text({{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + id}})}};
    }
    return Error(ErrorCode::not_found, "no such resource");
  }
  Result<std::vector<std::string>> complete(const tools::CallContext&, const std::string&,
                                            const CompletionRequest&) const override {
    return std::vector<std::string>{};
  }
  std::shared_ptr<Watch> watch(const tools::CallContext&, const std::string& uri,
                               std::function<void()>) const override {
    class Silent final : public Watch {};
    return uri == "test://watched-resource" ? std::make_shared<Silent>() : nullptr;
  }
};

}  // namespace

std::vector<McpTool> tools(ListChanges& changes, TaskBoard& board) {
  std::vector<McpTool> list;
  content_tools(list);
  running_tools(list, changes);
  asking_tools(list);
  session_tools(list);
  task_tools(list, board);
  return list;
}

std::vector<Prompt> prompts() {
  const auto fixed = [](Json messages) {
    return [messages = std::move(messages)](const Run& run) { run->answer(prompt_result(messages)); };
  };
  const auto message = [](Json content) { return Json{{"role", "user"}, {"content", std::move(content)}}; };
  std::vector<Prompt> list;
  list.push_back({"test_simple_prompt",
                  "Simple",
                  "A prompt without arguments.",
                  {},
                  tools::Scope::none,
                  fixed(Json::array({user_text("This is a simple prompt for testing.")})),
                  {}});
  list.push_back({"test_prompt_with_arguments",
                  "Arguments",
                  "A prompt with two arguments.",
                  {{"arg1", "The first.", true}, {"arg2", "The second.", true}},
                  tools::Scope::none,
                  [](const Run& run) {
                    run->answer(prompt_result(Json::array(
                        {user_text("Prompt with arguments: arg1='" + string_or(run->arguments(), "arg1", "") +
                                   "', arg2='" + string_or(run->arguments(), "arg2", "") + "'")})));
                  },
                  [](const tools::CallContext&, const CompletionRequest& request) -> Result<std::vector<std::string>> {
                    std::vector<std::string> fitting;
                    for (const char* each : {"test1", "test2", "other"}) {
                      if (std::string_view(each).starts_with(request.value)) fitting.emplace_back(each);
                    }
                    return fitting;
                  }});
  list.push_back(
      {"test_prompt_with_embedded_resource",
       "Resource",
       "A prompt with a resource.",
       {{"resourceUri", "Which.", true}},
       tools::Scope::none,
       [message](const Run& run) {
         run->answer(prompt_result(Json::array({message(resource_block(string_or(run->arguments(), "resourceUri", ""))),
                                                user_text("Please process the embedded resource above.")})));
       },
       {}});
  list.push_back({"test_prompt_with_image",
                  "Image",
                  "A prompt with an image.",
                  {},
                  tools::Scope::none,
                  fixed(Json::array({message(image_block()), user_text("Please analyze the image above.")})),
                  {}});
  list.push_back({"test_input_required_result_prompt",
                  "Asks",
                  "A prompt that asks first.",
                  {},
                  tools::Scope::none,
                  [](const Run& run) {
                    const Json* said = find_member(run->responses(), "user_context");
                    if (said != nullptr)
                      return run->answer(prompt_result(Json::array({user_text("Use " + to_text(*said))})));
                    run->ask({{"user_context", form("What context should the prompt use?",
                                                    {{"context", string_property()}}, {"context"})}});
                  },
                  {}});
  return list;
}

const ResourceProvider& resources() {
  static const FixtureResources kResources;
  return kResources;
}

}  // namespace weir::mcp::fixtures
