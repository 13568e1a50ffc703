#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "index/store.h"
#include "mcp/file_roots.h"
#include "mcp/jsonrpc.h"
#include "server/served_models.h"
#include "tasks/shared_reader.h"

namespace oko::mcp {

/// What tools work with. Any thread.
struct ToolContext {
  server::ServedModels& models;
  tasks::SharedReader& reader;
  /// Opens the library that is searched. Throws kNotFound, and as the stores.
  std::function<std::unique_ptr<index::Store>(const StopToken&)> open_library;
};

struct ToolCall {
  const RequestJson& arguments;  ///< an object
  const FileRoots& roots;
  Language language = Language::kEnglish;
  StopToken stop = {};
  std::function<void(double)> on_progress = [](double) {};  ///< 0..1
};

struct ToolResult {
  Json content;      ///< as the tool's schema says
  std::string text;  ///< the same for a model
  /// `text` only sums up the content, so clients that know nothing else get that as text.
  bool is_summary = false;
};

/// What a client's model may call. All of them only read.
struct Tool {
  std::string name;
  LocalizedText title;
  std::string description;  ///< for models, hence in English alone
  Json input;               ///< JSON schemas
  Json output;
  /// Throws kUsage for arguments, and as the task.
  std::function<ToolResult(const ToolContext&, const ToolCall&)> run;
};

/// `takes_paths`: a client may name files below `roots`, or below its own if there are none.
Tool describe_image_tool(bool takes_paths, const FileRoots& roots);
Tool read_text_tool(bool takes_paths, const FileRoots& roots);
Tool embed_tool();
Tool search_library_tool();

}  // namespace oko::mcp
