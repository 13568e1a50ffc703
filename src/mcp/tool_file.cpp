#include "mcp/tool_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <utility>
#include <vector>

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "server/data_uri.h"

namespace oko::mcp {

ToolFile::ToolFile(const server::RequestFields& arguments, const FileRoots& roots) {
  const auto given = arguments.text("path");
  const auto data = arguments.text("data");
  if (given.has_value() == data.has_value()) {
    throw Error(ErrorCode::kUsage,
                tr("give one of path and data", "укажите что-то одно: path или data"));
  }
  if (given) {
    name_ = excerpt(*given);
    path_ = roots.resolve(*given).string();
    return;
  }
  name_ = "data";
  const std::string bytes = server::bytes_of_picture_text(*data, name_);
  file_.emplace(temporary_folder() / "oko-request-", name_);
  file_->append(std::as_bytes(std::span(bytes)));
  path_ = file_->path().string();
}

LocalizedText ToolFile::named(const LocalizedText& text) const {
  return text.with(path_, name_);
}

Error ToolFile::named(const Error& error) const {
  return {error.code(), named(error.message()), named(error.hint())};
}

Json file_properties(bool takes_paths, const FileRoots& roots, const std::string& kind) {
  Json properties = Json::object();
  if (takes_paths) {
    std::vector<std::string> folders;
    folders.reserve(roots.folders().size());
    for (const auto& folder : roots.folders()) folders.push_back(folder.string());
    if (folders.empty()) folders.emplace_back("the client's roots");
    properties["path"] = {{"type", "string"},
                          {"description", fmt::format("File of a {} on this machine, below {}.",
                                                      kind, fmt::join(folders, ", "))}};
  }
  properties["data"] = {
      {"type", "string"},
      {"description", fmt::format("The bytes of a {} in base64, or as a data: URI{}.", kind,
                                  takes_paths ? "; in place of path" : "")}};
  return properties;
}

Json object_schema(Json properties, const std::vector<std::string>& required) {
  Json schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = required;
  schema["additionalProperties"] = false;
  return schema;
}

void refuse_unknown_arguments(const RequestJson& arguments, const Json& schema) {
  const Json& properties = schema.at("properties");
  for (const auto& [name, value] : arguments.items()) {
    if (properties.contains(name)) continue;
    std::vector<std::string> known;
    known.reserve(properties.size());
    for (const auto& [each, ignored] : properties.items()) known.push_back(each);
    throw Error(
        ErrorCode::kUsage, tr("there is no argument {}", "аргумента {} нет", excerpt(name, 100)),
        tr("the arguments are {}", "есть аргументы {}", fmt::to_string(fmt::join(known, ", "))));
  }
}

Json texts_in(Language language, const std::vector<LocalizedText>& texts) {
  Json list = Json::array();
  for (const LocalizedText& text : texts) list.push_back(text.in(language));
  return list;
}

}  // namespace oko::mcp
