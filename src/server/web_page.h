#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/api.h"

namespace oko::server {

/// A file of server/web/, which is in the program (cmake/embed_files.cmake).
struct WebFile {
  std::string_view name;  ///< "main.js"
  std::string_view etag;  ///< with its quotes
  std::string_view bytes;
};

/// All of them, by name.
std::span<const WebFile> web_files();

/// True for what a browser gets without a key: the page, which has no data of the user.
bool is_page(const HttpRequest& request);

/// GET / and /web/...; to clients that want no HTML, / answers as Ollama's.
std::vector<Route> page_routes();

}  // namespace oko::server
