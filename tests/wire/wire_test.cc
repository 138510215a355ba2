// Runs every transcript against the endpoint behind a real server on a port that the kernel chooses. WEIR_UPDATE=1
// (or --update) writes what came instead of comparing; then read the difference before committing it.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/http/server.h"
#include "tests/support/eventually.h"
#include "tests/unit/mcp/mcp_world.h"
#include "tests/unit/mcp/watched_notes.h"
#include "tests/unit/server_http/raw_client.h"
#include "tests/wire/transcript.h"

namespace weir::wire {
namespace {

bool is_update = std::getenv("WEIR_UPDATE") != nullptr;

std::filesystem::path folder() {
  const char* root = std::getenv("WEIR_SOURCE_DIR");
  return std::filesystem::path(root == nullptr ? "." : root) / "tests/wire/transcripts";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// What changes from run to run or is tested elsewhere, made constant.
void make_constant(Json& value) {
  if (value.is_array()) {
    for (Json& each : value) make_constant(each);
  }
  if (!value.is_object()) return;
  for (auto& [name, member] : value.items()) {
    if (name == "request_id") member = "$REQUEST";
    if (name == "instructions") member = "$INSTRUCTIONS";
    if (name == "text" && member.is_string()) {
      std::string text = member.get<std::string>();
      if (const std::size_t at = text.find("req_"); at != std::string::npos) member = text.replace(at, 30, "$REQUEST");
    }
    if (name == "version" && member == WEIR_VERSION) member = "$VERSION";
    make_constant(member);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string shown_json(const std::string& text) {
  auto parsed = parse_json(text);
  if (!parsed) return text;
  make_constant(*parsed);
  const std::string compact = weir::to_text(*parsed);
  return compact.size() <= 100 ? compact : to_pretty_text(*parsed);
}

// Headers that a client acts on; the others are shown by their own tests.
constexpr std::string_view kShownHeaders[] = {"Content-Type",         "Allow",       "WWW-Authenticate",
                                              "Mcp-Session-Id",       "Retry-After", "X-RateLimit-Limit",
                                              "X-RateLimit-Remaining"};

// One world and one server for a transcript. Not thread-safe: owned by the test; the server has its threads.
class Runner {
 public:
  // With resources only if the transcript is about them: the others show a server without.
  explicit Runner(bool has_resources) {
    if (has_resources) {
      mcp::Offers offers;
      offers.resources = &notes_;
      world_.offer(std::move(offers));
    }
    http::ServerSettings settings;
    settings.port = 0;
    settings.workers = 2;
    server_ = mcp::must(http::Server::open(settings, world_.timers()));
    server_->start([this](std::shared_ptr<http::Exchange> exchange) {
      ++handling_;
      world_.endpoint().handle(std::move(exchange));
      --handling_;
    });
  }
  ~Runner() { server_->stop(); }

  // The rendered answer.
  std::vector<std::string> run(const Step& step) {
    int repeat = 1;
    int more_events = 0;
    kept_events_ = -1;
    std::vector<Directive> during;
    for (const Directive& each : step.before) {
      if (each.name == "restart") {
        // A client that has left may have had its first event before its request was dealt with.
        EXPECT_TRUE(testing::eventually([&] { return handling_ == 0; }));
        world_.reopen();
      } else if (each.name == "advance") {
        world_.clock().advance(std::chrono::milliseconds{std::stoi(each.value)});
      } else if (each.name == "repeat") {
        repeat = std::stoi(each.value);
      } else if (each.name == "during") {
        during.push_back(each);
      } else if (each.name == "changed") {
        notes_.change(each.value);
      } else if (each.name == "keep" || each.name == "leave") {
        kept_events_ = std::stoi(each.value);
        is_left_ = each.name == "leave";
      } else if (each.name == "then") {
        more_events = std::stoi(each.value);
      } else {
        throw std::runtime_error("unknown directive @" + each.name);
      }
    }
    std::vector<std::string> out;
    if (!step.request.empty()) {
      std::string answer;
      for (int i = 0; i < repeat; ++i) answer = exchange(request_of(step.request), during);
      out = rendered(answer);
    }
    if (more_events > 0) {
      if (!out.empty()) out.push_back("");
      out.push_back("on the stream:");
      show_events(events(*kept_, more_events), out);
    }
    return out;
  }

 private:
  std::string request_of(const std::vector<std::string>& lines) {
    const auto blank = std::find(lines.begin(), lines.end(), "");
    std::string body;
    for (auto line = blank; line != lines.end(); ++line) {
      if (line != blank) body += (body.empty() ? "" : "\n") + *line;
    }
    std::vector<std::pair<std::string, std::string>> headers{{"Host", "127.0.0.1:$PORT"},
                                                             {"Authorization", "Bearer $KEY(admin)"},
                                                             {"Content-Type", "application/json"},
                                                             {"Accept", "application/json, text/event-stream"},
                                                             {"Content-Length", std::to_string(body.size())}};
    std::vector<std::pair<std::string, std::string>> own;
    for (auto line = lines.begin() + 1; line != blank; ++line) {
      const std::size_t colon = line->find(": ");
      own.emplace_back(line->substr(0, colon), colon == std::string::npos ? "" : line->substr(colon + 2));
    }
    std::string text = lines.front() + " HTTP/1.1\r\n";
    for (const auto& [name, value] : headers) {
      if (std::ranges::find(own, name, &std::pair<std::string, std::string>::first) == own.end())
        text += name + ": " + value + "\r\n";
    }
    for (const auto& [name, value] : own) {
      if (value != "(none)") text += name + ": " + value + "\r\n";
    }
    text += "\r\n" + body;
    replace_all(text, "$PORT", std::to_string(server_->port()));
    replace_all(text, "$SESSION", session_);
    replace_all(text, "$MESSAGES", messages_);
    replace_all(text, "$EVENT", event_);
    for (const char* key : {"admin", "other", "free", "reader"})
      replace_all(text, "$KEY(" + std::string(key) + ")", world_.key(key));
    return text;
  }

  std::string exchange(const std::string& request, const std::vector<Directive>& during) {
    auto opened = std::make_unique<http::RawClient>(server_->port());
    http::RawClient& client = *opened;
    client.send(request);
    if (kept_events_ >= 0) {
      std::string answer = client.read_until("\r\n\r\n");
      answer += events(client, kept_events_);
      kept_ = is_left_ ? nullptr : std::move(opened);
      return answer;
    }
    if (!during.empty()) {
      EXPECT_TRUE(testing::eventually([&] { return world_.hub().subscriptions() > 0; }));
      if (request.find("progressToken") != std::string::npos) head_ = client.read_until("\r\n\r\n");
      for (const Directive& each : during) {
        const std::size_t space = each.value.find(' ');
        world_.append(each.value.substr(0, space),
                      space == std::string::npos ? Json::object() : *parse_json(each.value.substr(space + 1)));
      }
    }
    std::string answer = std::exchange(head_, "");
    if (answer.empty()) answer = client.read_response();
    if (answer.find("Content-Type: text/event-stream") != std::string::npos)
      answer += client.read_until("\r\n0\r\n\r\n");
    return answer;
  }

  // Each event is one chunk, whose size is HTTP's business; comments are not counted.
  static std::string events(http::RawClient& client, int count) {
    std::string text;
    while (count > 0) {
      const std::string event = client.read_until("\n\n");
      if (event.empty()) break;
      if (event.find("data: ") != std::string::npos) --count;
      text += event;
    }
    return text;
  }

  // Fields of the stream as they are, data as JSON, ids without what is random.
  void show_events(const std::string& text, std::vector<std::string>& out) {
    for (std::string line : lines_of(text)) {
      if (line.ends_with('\r')) line.pop_back();
      if (line.starts_with("event: ") || line.starts_with("retry: ")) out.push_back(line);
      if (line.starts_with("id: ")) {
        event_ = line.substr(4);
        out.push_back("id: $STREAM" + event_.substr(event_.rfind('-')));
      }
      if (line.starts_with("data: /")) {
        messages_ = line.substr(6);
        out.push_back("data: $MESSAGES");
      } else if (line.starts_with("data: ")) {
        for (const std::string& shown : lines_of("data: " + (line.size() > 6 ? shown_json(line.substr(6)) : "")))
          out.push_back(shown);
      }
    }
  }

  std::vector<std::string> rendered(std::string answer) {
    replace_all(answer, ":" + std::to_string(server_->port()), ":$PORT");
    const std::size_t end = answer.find("\r\n\r\n");
    std::vector<std::string> out;
    out.push_back(answer.substr(std::min<std::size_t>(9, answer.size()), 3));
    std::string head = answer.substr(0, end);
    std::map<std::string, std::string> fields;
    for (const std::string& line : lines_of(head)) {
      const std::size_t colon = line.find(": ");
      if (colon != std::string::npos)
        fields[line.substr(0, colon)] = line.substr(
            colon + 2, line.find('\r') == std::string::npos ? std::string::npos : line.find('\r') - colon - 2);
    }
    if (fields.contains("Mcp-Session-Id")) session_ = std::exchange(fields["Mcp-Session-Id"], "$SESSION");
    for (const std::string_view name : kShownHeaders) {
      if (const auto field = fields.find(std::string(name)); field != fields.end())
        out.push_back(field->first + ": " + field->second);
    }
    const std::string body = end == std::string::npos ? "" : answer.substr(end + 4);
    if (body.empty()) return out;
    out.push_back("");
    if (fields["Content-Type"].starts_with("text/event-stream")) {
      show_events(body, out);
      return out;
    }
    for (const std::string& line : lines_of(shown_json(body))) out.push_back(line);
    return out;
  }

  mcp::WatchedNotes notes_;
  mcp::World world_;
  std::atomic<int> handling_{0};
  std::unique_ptr<http::Server> server_;
  std::string session_;
  std::string messages_;  // where 2024-11-05 POSTs
  std::string event_;     // the newest id of any stream
  int kept_events_ = -1;
  bool is_left_ = false;
  std::unique_ptr<http::RawClient> kept_;
  std::string head_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

class WireTest : public ::testing::TestWithParam<std::string> {};

TEST_P(WireTest, AnswersAsTheTranscriptSays) {
  const std::filesystem::path path = folder() / GetParam();
  Transcript transcript = parse_transcript(read_file(path));
  ASSERT_FALSE(transcript.head.empty() || transcript.steps.empty()) << "a transcript says why and has a step";
  ASSERT_TRUE(transcript.head.front().starts_with("why: "));
  Runner runner(read_file(path).find("note://") != std::string::npos);

  for (Step& step : transcript.steps) {
    auto seen = runner.run(step);
    if (is_update) {
      step.expected = std::move(seen);
    } else {
      EXPECT_EQ(joined(seen), joined(step.expected)) << "after: " << (step.request.empty() ? "" : step.request.back());
    }
  }
  if (is_update) std::ofstream(path) << to_text(transcript);
}

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Transcripts, WireTest, ::testing::ValuesIn(transcripts()), [](const auto& parameter) {
  std::string name;
  for (const char c : parameter.param) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(TranscriptTest, WritesWhatItRead) {
  const std::string text = "why: because\n\n@advance 5\n> POST /mcp\n> A: b\n>\n> {}\n< 200\n<\n< {}\n";

  EXPECT_EQ(to_text(parse_transcript(text)), text);
}

TEST(TranscriptTest, RefusesALineWithoutMeaning) {
  EXPECT_THROW(parse_transcript("why: x\n\n> GET /\n< 200\nhello\n"), std::runtime_error);
}

}  // namespace
}  // namespace weir::wire

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--update") weir::wire::is_update = true;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
