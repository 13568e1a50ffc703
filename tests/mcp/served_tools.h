#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "engine/model_host.h"
#include "mcp/tool.h"
#include "server/served_models.h"
#include "tasks/shared_reader.h"
#include "tests/support/random_models.h"

namespace oko::mcp {

/// The models that tools use in tests: the small one that describes shapes, and random BGE-M3.
class ServedTools {
 public:
  static server::ServedModelsOptions models_options() {
    return {.host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1}),
            .models = {demo() / "models/tiny-vl", embedder().string()},
            .align = [](const auto&) {}};
  }
  static std::filesystem::path demo() { return std::filesystem::path(OKO_SOURCE_DIR) / "demo"; }
  static std::filesystem::path embedder() { return RandomModels::get("bge-m3-small-8bit", 21); }

  ToolContext context(std::function<std::unique_ptr<index::Store>(const StopToken&)> open) {
    return {.models = models_, .reader = reader_, .open_library = std::move(open)};
  }

  server::ServedModels& models() { return models_; }
  tasks::SharedReader& reader() { return reader_; }

 private:
  server::ServedModels models_{models_options()};
  tasks::SharedReader reader_{models_.host()};
};

}  // namespace oko::mcp
