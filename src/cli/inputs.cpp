#include "cli/inputs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "cli/folder_files.h"
#include "cli/standard_input.h"

namespace oko::cli {
namespace {

constexpr const char* kDash = "-";

}  // namespace

Inputs::Inputs(const std::vector<std::string>& arguments, const StopToken& stop) {
  for (const std::string& argument : arguments) {
    try {
      add(argument, stop);
    } catch (const Error& error) {
      if (arguments.size() == 1 || !is_of_input(error.code())) throw;
      failed_.push_back({argument, error});
    }
  }
}

void Inputs::add(const std::string& argument, const StopToken& stop) {
  std::error_code ignored;
  if (argument == kDash) {
    const bool is_kept = std::any_of(names_.begin(), names_.end(),
                                     [](const auto& each) { return each.second == kDash; });
    if (!is_kept) {
      kept_.push_back(keep_standard_input(stop));
      names_[kept_.back()->path().string()] = kDash;
    }
    for (const auto& [path, name] : names_) {
      if (name == kDash) paths_.push_back(path);
    }
  } else if (std::filesystem::is_directory(argument, ignored)) {
    const FolderFiles found = pictures_in(argument, stop);
    paths_.insert(paths_.end(), found.files.begin(), found.files.end());
    for (const auto& [name, error] : found.unreadable) failed_.push_back({name, error});
  } else {
    paths_.push_back(argument);
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

}  // namespace oko::cli
