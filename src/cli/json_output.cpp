#include "cli/json_output.h"

#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

bool any_object = false;

/// Nothing if it has a string that is not UTF-8.
std::optional<std::string> strict_text(const ordered_json& value) {
  try {
    return value.dump();
  } catch (const ordered_json::type_error&) {
    return std::nullopt;
  }
}

void add_bytes_of_strings(ordered_json& value) {
  ordered_json added = ordered_json::object();
  for (auto& [key, element] : value.items()) {
    if (element.is_structured()) {
      add_bytes_of_strings(element);
    } else if (value.is_object() && !strict_text(element)) {
      added[key + "_base64"] = base64_of(element.get_ref<const std::string&>());
    }
  }
  if (!added.empty()) value.update(added);
}

}  // namespace

bool has_json_object() {
  return any_object;
}

void count_json_object() {
  any_object = true;
}

std::string json_line(const ordered_json& object) {
  count_json_object();
  if (const std::optional<std::string> text = strict_text(object)) return *text + "\n";
  ordered_json whole = object;
  add_bytes_of_strings(whole);
  return whole.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

void print_json(const ordered_json& object) {
  print(json_line(object));
}

ordered_json error_json(const Error& error) {
  ordered_json object{{"code", name_of(error.code())}, {"message", shown(error.message())}};
  if (!error.hint().empty()) object["hint"] = shown(error.hint());
  return object;
}

}  // namespace oko::cli
