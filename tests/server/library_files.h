#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "engine/embedder.h"
#include "engine/model_host.h"
#include "index/store.h"
#include "tasks/index_files.h"
#include "tasks/library_model.h"
#include "tests/server/test_server.h"
#include "tests/support/pdf_pages.h"

namespace oko::server {

/// A PDF of two pages with these words.
inline void write_bill(const std::filesystem::path& file,
                       const std::string& words = "Electricity bill 4711") {
  write_pdf(file,
            "2 0 obj<</Type/Pages/Count 2/Kids[3 0 R 3 0 R]>>endobj\n"
            "7 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R"
            "/Resources<</Font<</F 7 0 R>>>>>>endobj\n" +
                pdf_stream(4, "", "BT /F 20 Tf 20 100 Td (" + words + ") Tj ET"));
}

/// Writes a text, a PDF of two pages and a file that cannot be read.
inline void write_library_files(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "tea.txt", "Zavarka: black tea from the Caucasus.");
  write_file_atomically(folder / "broken.png", "\x89PNG\r\n\x1a\n");
  write_bill(folder / "bill.pdf");
}

/// A library of these files, made with the model in a folder. `open_or_create` gets its model.
inline void index_library_files(
    const std::filesystem::path& files, const std::filesystem::path& model,
    const std::shared_ptr<engine::ModelHost>& host,
    const std::function<std::unique_ptr<index::Store>(const index::LibraryModel&)>&
        open_or_create) {
  engine::Embedder embedder({.model = model, .host = host});
  const std::unique_ptr<index::Store> store =
      open_or_create(tasks::library_model_of("a name of long ago", model, embedder, {}, {}));
  tasks::index_files(*store, embedder, {files.string()}, {}, {}, {});
}

inline std::unique_ptr<ApiServer> serve_library(const std::shared_ptr<engine::ModelHost>& host,
                                                const std::vector<std::string>& models,
                                                ServedLibraryOptions library) {
  ApiServerOptions options = test_server_options(models, host);
  options.library = std::move(library);
  options.plan = [] { return R"({"verdict":"comfortable"})"; };
  return std::make_unique<ApiServer>(std::move(options));
}

}  // namespace oko::server
