#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/model_host.h"
#include "server/api_server.h"

namespace oko::server {

/// A server for tests: of some models, on a free port, without a key.
inline ApiServerOptions test_server_options(
    std::vector<std::string> models,
    std::shared_ptr<engine::ModelHost> host =
        std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1})) {
  return {
      .http = {},
      .access = {},
      .models = {.host = std::move(host), .models = std::move(models), .align = [](const auto&) {}},
      .version = "test",
      .log = {}};
}

inline std::unique_ptr<ApiServer> make_test_server(std::vector<std::string> models) {
  return std::make_unique<ApiServer>(test_server_options(std::move(models)));
}

}  // namespace oko::server
