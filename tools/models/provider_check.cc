#include "tools/models/provider_check.h"

#include <algorithm>

#include "base/log.h"
#include "tools/near_match.h"

namespace weir::tools::models {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Status = CheckStep::Status;

constexpr std::string_view kProbeTool = "report_status";
// Enough for a model that thinks before it calls.
constexpr std::int64_t kProbeTokens = 1'024;
constexpr std::size_t kShownModels = 10;

// One check. Not thread-safe: owned by check_provider().
class Check {
 public:
  Check(const ConfiguredProviders& providers, const ProviderSettings& settings, const CheckPatience& patience,
        std::stop_token stop, ProviderCheck& out)
      : providers_(providers), settings_(settings), patience_(patience), stop_(std::move(stop)), out_(out) {}

  void run() {
    look_at_key();
    auto opened = providers_.open_http(out_.provider);
    if (!opened) return add(Status::failed, "key", opened.error().message);
    if (!look_at_models(**opened)) return;
    if (settings_.model.empty()) return;
    ask(**opened);
  }

 private:
  void add(Status status, std::string name, std::string message, std::string advice = "") {
    out_.steps.push_back({status, std::move(name), std::move(message), std::move(advice)});
  }

  void look_at_key() {
    if (is_key_file_open_to_others(settings_)) {
      add(Status::warning, "key", "The key file " + settings_.api_key_file + " can be read by others.",
          "Close it: chmod 600 " + settings_.api_key_file);
    }
    const bool has_key = !settings_.api_key_env.empty() || !settings_.api_key_file.empty();
    if (has_key && settings_.base_url.scheme == "http" && settings_.base_url.host != "localhost" &&
        !egress::IpAddress::parse(settings_.base_url.host)) {
      add(Status::warning, "key", "The key is sent unencrypted to " + settings_.base_url.host + ".",
          "Use https unless that is a machine of your own network.");
    }
  }

  // False if nothing more need be asked.
  bool look_at_models(HttpProvider& provider) {
    auto models = provider.models(patience_.list, stop_);
    if (!models) {
      // A gateway without a list may well have models.
      if (models.error().code == ErrorCode::not_found || models.error().code == ErrorCode::validation_failed) {
        add(settings_.model.empty() ? Status::failed : Status::warning, "model", models.error().message,
            settings_.model.empty() ? "Set model of this provider." : "");
        return true;
      }
      add(Status::failed, models.error().code == ErrorCode::unauthorized ? "key" : "connection",
          models.error().message);
      return false;
    }
    add(Status::ok, "connection",
        settings_.base_url.origin() + " answers and lists " + std::to_string(models->size()) +
            (models->size() == 1 ? " model." : " models."));
    look_for_model(*models);
    return true;
  }

  void look_for_model(const std::vector<std::string>& models) {
    const std::string& model = settings_.model;
    std::string there_is =
        models.empty() ? "It lists none: load one first." : "There is " + listed(models, kShownModels) + ".";
    if (model.empty()) {
      add(Status::warning, "model", "The provider has no default model, so no question was asked.",
          "Set model of this provider, or name one in each agent. " + there_is);
      return;
    }
    // Ollama leaves out the tag in the request, and names it in the list.
    const bool is_listed =
        std::ranges::any_of(models, [&](const std::string& id) { return id == model || id == model + ":latest"; });
    if (is_listed) return add(Status::ok, "model", "The model " + model + " is listed.");
    const std::string near = nearest(model, models);
    add(Status::warning, "model", "The model " + printable(model) + " is not listed.",
        near.empty() ? there_is : "Did you mean " + printable(near) + "?");
  }

  void ask(HttpProvider& provider) {
    ModelRequest request;
    request.model = settings_.model;
    request.instructions = "You test a connection. Do as you are told, briefly.";
    request.messages = {{.role = ModelMessage::Role::user,
                         .text = "Call the tool report_status with the status \"ok\". Write nothing else."}};
    request.tools = {{std::string(kProbeTool),
                      "Reports the status of the connection.",
                      {{"type", "object"},
                       {"properties", {{"status", {{"type", "string"}, {"description", "ok or broken"}}}}},
                       {"required", Json::array({"status"})}}}};
    request.max_output_tokens = kProbeTokens;
    const auto start = steady_clock::now();
    auto turn = provider.complete(request, {}, patience_.answer, stop_);
    if (!turn) {
      return add(Status::failed, turn.error().code == ErrorCode::unauthorized ? "key" : "answer", turn.error().message);
    }
    const auto taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    add(Status::ok, "answer", "The model answered after " + std::to_string(taken.count()) + " ms.");
    look_at_calls(*turn);
    if (!provider.has_streamed()) {
      add(Status::warning, "stream", "The answer came in one piece although a stream was asked for.",
          "Runs work; their text arrives at the end of each turn.");
    }
    if (!turn->usage.input_tokens || !turn->usage.output_tokens) {
      add(Status::warning, "usage", "The provider counts no tokens.",
          "Runs show their usage as incomplete, and limits in tokens or cost cannot hold.");
    }
  }

  void look_at_calls(const ModelTurn& turn) {
    const auto& calls = turn.message.calls;
    const bool has_called = std::ranges::any_of(calls, [](const ModelCall& call) { return call.name == kProbeTool; });
    if (has_called) return add(Status::ok, "tools", "The model called a tool that it was told to call.");
    if (turn.stop == ModelTurn::Stop::max_tokens) {
      return add(Status::warning, "tools",
                 "The model had not called the tool after " + std::to_string(kProbeTokens) + " tokens.",
                 "It may think at length: give its agents a larger max_output_tokens.");
    }
    add(Status::failed, "tools", "The model answered in words where it was told to call a tool.",
        "Choose a model that calls tools. With llama-server start with --jinja; with vLLM with "
        "--enable-auto-tool-choice and "
        "the --tool-call-parser of this model; in Ollama, `ollama show MODEL` must list tools.");
  }

  const ConfiguredProviders& providers_;
  const ProviderSettings& settings_;
  const CheckPatience& patience_;
  const std::stop_token stop_;
  ProviderCheck& out_;
};

}  // namespace

std::string_view to_string(CheckStep::Status status) {
  switch (status) {
    case Status::warning: return "warning";
    case Status::failed: return "failed";
    case Status::ok: break;
  }
  return "ok";
}

bool ProviderCheck::is_ok() const {
  return std::ranges::none_of(steps, [](const CheckStep& step) { return step.status == Status::failed; });
}

Json check_json(const ProviderCheck& check) {
  Json steps = Json::array();
  for (const CheckStep& step : check.steps) {
    steps.push_back(
        {{"name", step.name}, {"status", to_string(step.status)}, {"message", step.message}, {"advice", step.advice}});
  }
  return {{"provider", check.provider},
          {"model", check.model},
          {"ok", check.is_ok()},
          {"elapsed_ms", check.elapsed.count()},
          {"steps", std::move(steps)}};
}

Result<ProviderCheck> check_provider(const ConfiguredProviders& providers, std::string_view name,
                                     const CheckPatience& patience, std::stop_token stop) {
  const ProviderSettings* settings = providers.settings(name);
  if (settings == nullptr) return providers.unknown(name);
  const auto start = steady_clock::now();
  ProviderCheck check{.provider = std::string(name), .model = settings->model, .steps = {}};
  Check(providers, *settings, patience, std::move(stop), check).run();
  check.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  return check;
}

Result<ProviderCheck> ProviderChecks::run(std::string_view name) {
  const std::unique_lock running(running_, std::try_to_lock);
  if (!running) {
    return Error(ErrorCode::conflict, "Another provider is being tested. Wait for its answer, then ask again.");
  }
  return check_provider(providers_, name, kPatience, stop_.get_token());
}

}  // namespace weir::tools::models
