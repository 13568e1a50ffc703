#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/temporary_file.h"
#include "mcp/file_roots.h"
#include "mcp/tool.h"
#include "server/request_json.h"

namespace oko::mcp {

/// The picture or document of a call: a file below the roots, or bytes that came with it.
class ToolFile {
 public:
  /// Throws kUsage as FileRoots::resolve, and unless there is one of "path" and "data".
  ToolFile(const server::RequestFields& arguments, const FileRoots& roots);

  const std::string& path() const { return path_; }

  /// The same with the client's name of the file.
  LocalizedText named(const LocalizedText& text) const;
  Error named(const Error& error) const;

 private:
  std::string name_;  ///< as the client wrote it
  std::string path_;
  std::optional<TemporaryFile> file_;
};

/// The properties "path" and "data" of a tool's schema. `kind`: "picture or PDF".
Json file_properties(bool takes_paths, const FileRoots& roots, const std::string& kind);

/// A schema of an object that has no others than these properties.
Json object_schema(Json properties, const std::vector<std::string>& required = {});

/// Throws kUsage for an argument that `schema` has not.
void refuse_unknown_arguments(const RequestJson& arguments, const Json& schema);

/// Texts in the language of a call.
Json texts_in(Language language, const std::vector<LocalizedText>& texts);

}  // namespace oko::mcp
