#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/public_file.h"
#include "server/access.h"
#include "server/api.h"
#include "server/http_server.h"
#include "server/served_library.h"
#include "server/served_models.h"

namespace oko::server {

struct ApiServerOptions {
  HttpServerOptions http;
  AccessRules access;
  ServedModelsOptions models;
  ServedLibraryOptions library = {};
  /// When the text of pictures is read before a question about them is answered.
  tasks::ReadText read_text = tasks::ReadText::kWhereItFits;
  /// Of pictures that requests name by their address; nothing: these are refused.
  std::optional<net::PublicFileOptions> remote_pictures = {};
  /// What `oko plan --json` says; null: /v1/plan goes without.
  std::function<std::string()> plan = {};
  std::string version;
  /// Routes of protocols that are not this folder's; may be empty.
  std::function<std::vector<Route>(const ApiContext&)> more_routes = {};
  /// Called after each answer, refusals too, on the thread of all connections: must not wait. May
  /// be empty.
  std::function<void(const HttpRequest&, int status, std::chrono::nanoseconds time)> log;
};

/// All that `oko serve` serves.
class ApiServer {
 public:
  /// Listens at once. Throws as HttpServer; kUsage if the address can be reached from other
  /// machines and there is no key.
  explicit ApiServer(ApiServerOptions options);
  ~ApiServer();

  std::uint16_t port() const;

  /// As HttpServer::stop.
  bool stop(std::chrono::milliseconds patience);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace oko::server
