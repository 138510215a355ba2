#include "tools/events/event_reference.h"

#include "tools/tool_reference.h"

namespace weir::tools {

std::string event_reference(const std::vector<streaming::EventType>& types) {
  std::string text =
      "# Events\n\nGenerated from the table of event types (`streaming/event_types.cc`); a test compares this page "
      "with it. How "
      "events reach you: [streaming](../streaming.md).\n\n"
      "Every event has the envelope `{\"id\", \"seq\", \"type\", \"resource\", \"account\", \"ts\", \"data\"}`; `data` "
      "is what "
      "differs. Members may be added to it later, so ignore those that you do not know.\n\n"
      "| type | when | the last of its resource |\n|---|---|---|\n";
  for (const streaming::EventType& type : types) {
    std::string anchor = type.name;
    std::erase(anchor, '.');
    text += "| [`" + type.name + "`](#" + anchor + ") | " + type.summary + " | " +
            (type.ending == streaming::EventType::Ending::ends_resource ? "yes" : "") + " |\n";
  }
  for (const streaming::EventType& type : types) {
    text += "\n## " + type.name + "\n\n" + type.summary + "\n" + member_table(type.schema, "`data`:");
  }
  return text;
}

}  // namespace weir::tools
