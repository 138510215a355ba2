#include "tools/agents/playbook_graph.h"

#include <algorithm>
#include <bitset>

#include "base/log.h"
#include "tools/agents/playbook_references.h"
#include "tools/near_match.h"

namespace weir::tools::agents {
namespace {

using Reach = std::bitset<kStepsMax>;
constexpr std::size_t kNowhere = kStepsMax;

// Not thread-safe: owned by link_playbook.
class PlaybookLinks {
 public:
  PlaybookLinks(PlaybookText& text, std::string path, const Json& input_schema, Mistakes& mistakes)
      : text_(text),
        steps_(text.playbook.steps),
        path_(std::move(path)),
        input_schema_(input_schema),
        mistakes_(mistakes),
        needs_(steps_.size()) {}

  void link() {
    read_needs();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (const TextReference& reference : references_of(steps_[i], text_.paths[i], mistakes_)) check(reference, i);
    }
    if (!text_.playbook.output.is_null()) {
      for (const TextReference& reference : references_in(text_.playbook.output, joined(path_, "output"), mistakes_)) {
        check(reference, kNowhere);
      }
    }
    if (!mistakes_.is_empty() || has_circle()) return;
    write_needs();
    sort();
  }

 private:
  [[nodiscard]] std::size_t index_of(std::string_view id) const {
    const auto found = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.id == id; });
    return id.empty() || found == steps_.end() ? kNowhere : static_cast<std::size_t>(found - steps_.begin());
  }
  [[nodiscard]] std::size_t index_of_name(std::string_view name) const {
    const auto found =
        std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.name() == name; });
    return name.empty() || found == steps_.end() ? kNowhere : static_cast<std::size_t>(found - steps_.begin());
  }

  void read_needs() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!text_.says_needs && i > 0) needs_[i].set(i - 1);
      for (std::size_t n = 0; n < steps_[i].needs.size(); ++n) {
        const std::string& id = steps_[i].needs[n];
        const std::size_t needed = index_of(id);
        const std::string path = at_index(joined(text_.paths[i], "needs"), n);
        if (needed == i) {
          mistakes_.add(path, "is \"" + id + "\", the step itself; a step cannot wait for its own end");
        } else if (needed == kNowhere) {
          std::vector<std::string> ids;
          for (const Step& step : steps_) ids.push_back(step.id);
          mistakes_.add(path, "is \"" + printable(id, 60) + "\", which is no step" + suggestion(id, ids) +
                                  " Steps: " + listed(ids));
        } else {
          needs_[i].set(needed);
        }
      }
    }
  }

  // `reader`: the step that reads, kNowhere for the output.
  void check(const TextReference& reference, std::size_t reader) {
    const std::string& root = reference.reference.root;
    if (root == "inputs") check_input(reference);
    if (root == "steps") check_step(reference, reader);
    const bool is_each = reader != kNowhere && !steps_[reader].for_each.empty();
    const bool is_item_place =
        reference.place == TextReference::Place::args || reference.place == TextReference::Place::until;
    if ((root == "item" || root == "index") && !(is_each && is_item_place)) {
      tell(reference, "reads " + root + ", which there is only in args and until of a step with for_each");
    }
    if (root == "result" && reference.place != TextReference::Place::until) {
      tell(reference, "reads result, which there is only in until; another step's is steps.<id>.result");
    }
  }

  void tell(const TextReference& reference, const std::string& problem) { mistakes_.add(reference.path, problem); }

  void check_input(const TextReference& reference) {
    const Json* properties = find_member(input_schema_, "properties");
    const std::string& member = reference.reference.member;
    if (member.empty() || properties == nullptr || bool_or(input_schema_, "additionalProperties", true)) return;
    if (properties->contains(member)) return;
    std::vector<std::string> names;
    for (const auto& [name, ignored] : properties->items()) names.push_back(name);
    const std::string near = suggestion(member, names);
    tell(reference, "reads inputs." + printable(member, 60) + ", which input_schema does not have" + near +
                        (near.empty() ? "; inputs: " : " Inputs: ") + (names.empty() ? "none" : listed(names)));
  }

  void check_step(const TextReference& reference, std::size_t reader) {
    const std::string& name = reference.reference.step;
    if (name.empty()) return tell(reference, "reads all steps; expected one of them, as in steps.<id>.result");
    const std::size_t read = index_of_name(name);
    if (read == kNowhere) return tell_unknown_step(reference, name);
    if (read == reader) {
      return tell(reference, "reads steps." + name + ", the step itself, which has not ended; `until` reads `result`");
    }
    const bool is_each = !steps_[read].for_each.empty();
    if (is_each && reference.reference.member == "result") {
      return tell(reference,
                  "reads steps." + name + ".result, but that step has for_each; expected steps." + name + ".results");
    }
    if (!is_each && reference.reference.member == "results") {
      return tell(reference, "reads steps." + name + ".results, but that step has no for_each; expected steps." + name +
                                 ".result");
    }
    if (reader == kNowhere) return;
    if (!text_.says_needs && read > reader) {
      return tell(reference, "reads steps." + name +
                                 ", which comes later; move that step up, or say with needs what follows what");
    }
    if (!reach(reader)[read]) needs_[reader].set(read);
  }

  void tell_unknown_step(const TextReference& reference, const std::string& name) {
    if (const std::size_t hidden = index_of(name); hidden != kNowhere) {
      return tell(reference,
                  "reads steps." + name + ", whose result is called by its output_as: steps." + steps_[hidden].name());
    }
    std::vector<std::string> names;
    for (const Step& step : steps_) names.push_back(step.name());
    const std::string near = suggestion(name, names);
    tell(reference, "reads steps." + printable(name, 60) + ", which is no step" + near +
                        (near.empty() ? "; steps: " : " Steps: ") + listed(names));
  }

  // Everything that must have ended before this step begins.
  [[nodiscard]] Reach reach(std::size_t step) const {
    Reach reached = needs_[step];
    for (Reach before; before != reached;) {
      before = reached;
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (before[i]) reached |= needs_[i];
      }
    }
    return reached;
  }

  // The shortest way along needs from the step back to itself; there is one.
  [[nodiscard]] std::vector<std::size_t> way_round(std::size_t start) const {
    std::vector<std::vector<std::size_t>> ways = {{start}};
    Reach seen;
    for (std::size_t at = 0; at < ways.size(); ++at) {
      for (std::size_t next = 0; next < steps_.size(); ++next) {
        if (!needs_[ways[at].back()][next] || seen[next]) continue;
        if (next == start) return ways[at];
        seen.set(next);
        ways.push_back(ways[at]);
        ways.back().push_back(next);
      }
    }
    return {start};
  }

  bool has_circle() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!reach(i)[i]) continue;
      std::string circle;
      for (const std::size_t step : way_round(i)) circle += steps_[step].id + " -> ";
      circle += steps_[i].id;
      mistakes_.add(joined(text_.paths[i], "needs"),
                    "goes round in a circle: " + circle + " (each needs the next); expected an end");
      return true;
    }
    return false;
  }

  void write_needs() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (std::size_t n = 0; n < steps_.size(); ++n) {
        std::vector<std::string>& needs = steps_[i].needs;
        if (needs_[i][n] && std::find(needs.begin(), needs.end(), steps_[n].id) == needs.end())
          needs.push_back(steps_[n].id);
      }
    }
  }

  void sort() {
    std::vector<Step> sorted;
    Reach placed;
    while (sorted.size() < steps_.size()) {
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (placed[i] || (needs_[i] & ~placed).any()) continue;
        placed.set(i);
        sorted.push_back(steps_[i]);
        break;
      }
    }
    steps_ = std::move(sorted);
  }

  PlaybookText& text_;
  std::vector<Step>& steps_;
  const std::string path_;
  const Json& input_schema_;
  Mistakes& mistakes_;
  std::vector<Reach> needs_;
};

}  // namespace

void link_playbook(PlaybookText& text, const std::string& path, const Json& input_schema, Mistakes& mistakes) {
  PlaybookLinks(text, path, input_schema, mistakes).link();
}

}  // namespace weir::tools::agents
