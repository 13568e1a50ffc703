#include "cli/inputs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text_escape.h"
#include "cli/failures.h"
#include "cli/folder_files.h"
#include "cli/json_output.h"
#include "cli/near_path.h"
#include "cli/standard_input.h"
#include "cli/web_input.h"
#include "hub/web_file.h"
#include "net/http_client.h"

namespace oko::cli {
namespace {

constexpr const char* kDash = "-";

/// A name for a file with what an address gives: the last part of its path, else the host.
std::string file_name_of(std::string address) {
  address.erase(address.find_last_not_of('/') + 1);
  std::string name = std::filesystem::path(address).filename().string();
  if (name != "." && name != "..") return name;
  const std::size_t host = address.find("://") + 3;
  return address.substr(host, address.find('/', host) - host);
}

}  // namespace

Inputs::Inputs(const std::vector<std::string>& arguments, bool quiet, const StopToken& stop)
    : quiet_(quiet) {
  for (const std::string& argument : arguments) {
    try {
      add(argument, stop);
    } catch (const Error& error) {
      const bool is_web = hub::is_web_address(argument) || hub::is_other_address(argument);
      const bool is_of_one =
          is_of_input(error.code()) || (is_web && error.code() != ErrorCode::kCancelled);
      if (!is_of_one) throw;
      failed_.push_back({is_web ? net::shown_url(argument) : argument, error});
    }
  }
}

void Inputs::keep(std::unique_ptr<TemporaryFile> file, const std::string& name) {
  paths_.push_back(file->path().string());
  places_.emplace_back(name == kDash ? "stdin" : file_name_of(name));
  names_[paths_.back()] = name;
  kept_.push_back(std::move(file));
}

void Inputs::add(const std::string& argument, const StopToken& stop) {
  std::error_code ignored;
  if (argument == kDash) {
    const auto kept = std::find_if(names_.begin(), names_.end(),
                                   [](const auto& each) { return each.second == kDash; });
    if (kept == names_.end()) return keep(keep_standard_input(stop), kDash);
    paths_.push_back(kept->first);
    places_.emplace_back("stdin");
  } else if (hub::is_web_address(argument)) {
    keep(keep_web_file(argument, quiet_, stop), net::shown_url(argument));
  } else if (std::filesystem::is_directory(argument, ignored)) {
    const FolderFiles found = pictures_in(argument, stop);
    paths_.insert(paths_.end(), found.files.begin(), found.files.end());
    for (const std::string& file : found.files) {
      places_.push_back(std::filesystem::path(file).lexically_relative(argument));
    }
    for (const auto& [name, error] : found.unreadable) failed_.push_back({name, error});
  } else {
    refuse_other_address(argument);
    paths_.push_back(argument);
    places_.push_back(std::filesystem::path(argument).filename());
  }
}

std::string Inputs::name_of(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? path : found->second;
}

LocalizedText Inputs::named(const LocalizedText& text) const {
  LocalizedText result = text;
  for (const auto& [path, name] : names_) result = result.with(path, name);
  return result;
}

Error Inputs::named(const Error& error) const {
  return {error.code(), named(error.message()), named(error.hint())};
}

Error Inputs::named(const Error& error, const std::string& path) const {
  return names_.contains(path) ? named(error) : with_nearest_path(named(error), path);
}

void require_paths(const Inputs& inputs, bool json) {
  if (!inputs.paths().empty()) return;
  Failures failures;
  for (const Inputs::Failed& each : inputs.failed()) {
    if (json) print_json({{"file", each.name}, {"error", error_json(each.error)}});
    if (inputs.count() == 1) throw each.error;
    failures.add(each.error, short_name(each.name));
  }
  failures.throw_first(tr("none of {} inputs could be read: {}",
                          "не удалось прочитать ничего из {:входа|входов|входов}: {}",
                          Count(inputs.count()), failures.names()));
}

std::string short_name(const std::string& name) {
  std::string file = std::filesystem::path(name).filename().string();
  return one_line(file.empty() ? name : file);
}

}  // namespace oko::cli
