#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/data_folder.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "base/text_escape.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/find_model.h"
#include "cli/generation_options.h"
#include "cli/interrupt.h"
#include "cli/library_option.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "decoding/helpers.h"
#include "mcp/file_roots.h"
#include "mcp/http.h"
#include "mcp/server.h"
#include "server/api_server.h"

namespace oko::cli {
namespace {

constexpr int kDefaultPort = 11435;

/// For the answers under way when the server is asked to end.
constexpr std::chrono::seconds kPatience{30};

struct ServeOptions {
  CommonOptions common;
  std::string host = "127.0.0.1";
  int port = kDefaultPort;
  std::string api_key;
  std::vector<std::string> models;
  std::vector<std::string> hosts;
  std::vector<std::string> origins;
  std::vector<std::string> roots;
  std::string library;
  std::string ocr = "auto";
  bool allows_remote_images = false;
  std::size_t threads = 0;
};

/// A line on stderr, or none while its reader does not read.
void log_request(const server::HttpRequest& request, int status, std::chrono::nanoseconds time) {
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&standard_error, 1, 0) != 1 || (standard_error.revents & POLLOUT) == 0) return;
  constexpr std::size_t kMostBytes = 200;
  say(fmt::format("{} {} {} {:.0f} ms\n", excerpt(request.method, kMostBytes),
                  excerpt(request.path, kMostBytes), status,
                  std::chrono::duration<double, std::milli>(time).count()));
}

void wait_for(const StopToken& stop) {
  Mutex mutex;
  ConditionVariable never;
  const MutexLock lock(mutex);
  never.wait(mutex, stop, [] { return false; });
}

std::string key_of(const ServeOptions& options) {
  if (!options.api_key.empty()) return options.api_key;
  const char* key = std::getenv("OKO_API_KEY");
  return key == nullptr ? "" : key;
}

/// An address as a URL has it.
std::string in_url(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::vector<server::Route> mcp_routes(const LibraryOpener& open_library,
                                      const mcp::FileRoots& roots,
                                      const server::ApiContext& context) {
  return mcp::http_routes(std::make_shared<const mcp::Server>(mcp::ServerOptions{
      .tools = {.models = context.models, .reader = context.reader, .open_library = open_library},
      .version = context.version,
      .roots = roots}));
}

server::ServedLibraryOptions served_library(const LibraryPlace& place, const LibraryOpener& open,
                                            const std::vector<std::string>& roots,
                                            const StopToken& stop) {
  return {.name = place.shown(),
          .file = place.file,
          .open = [open, stop] { return open(stop); },
          .roots = server::library_roots(roots),
          .lock = [place]() -> std::shared_ptr<void> {
            if (place.address) return nullptr;  // a cluster has a lock of its own
            return try_lock_library(place.file);
          },
          .open_to_write =
              [place](const auto& model, const auto& learn, const StopToken& run_stop) {
                return open_locked_library(place, model, learn, /*is_quiet=*/true, run_stop);
              }};
}

void serve(ServeOptions options) {
  const Interrupt interrupt;
  const mcp::FileRoots roots = mcp::FileRoots::of_options(options.roots);
  const LibraryPlace library = library_place(options.library);
  const LibraryOpener open = library_opener(library, /*is_quiet=*/true);
  for (const std::string& model : options.models) {
    find_or_pull_model(model, options.common, interrupt.token());
  }
  server::ApiServer server(
      {.http = {.address = options.host == "localhost" ? "127.0.0.1" : options.host,
                .port = static_cast<std::uint16_t>(options.port)},
       .access = {.api_key = key_of(options), .hosts = options.hosts, .origins = options.origins},
       .models = {.host = make_host(options.common, options.threads, decoding::kHelperBytes),
                  .models = options.models,
                  .align =
                      [&](const std::filesystem::path& folder) {
                        align_model(folder, options.common, interrupt.token());
                      },
                  .idle_timeout = kIdleTimeout,
                  .helpers = std::make_shared<decoding::Helpers>(
                      decoding::HelperOptions{.program = program_path()})},
       .library = served_library(library, open, options.roots, interrupt.token()),
       .read_text = when_to_read(options.ocr),
       .remote_pictures = options.allows_remote_images
                              ? std::optional<net::PublicFileOptions>(std::in_place)
                              : std::nullopt,
       .plan = [&] { return plan_json(options.common); },
       .version = OKO_VERSION,
       .more_routes = [&](const auto& context) { return mcp_routes(open, roots, context); },
       .log = options.common.quiet ? nullptr : log_request});
  print(words("oko listens on http://{}:{}; a browser shows its page there; Ctrl-C ends it\n",
              "oko слушает http://{}:{}; в браузере там его страница; Ctrl-C закончит работу\n",
              in_url(options.host), server.port()));
  wait_for(interrupt.token());
  if (!server.stop(kPatience)) end_at_once(0);  // a library works on that cannot be stopped
}

}  // namespace

void add_serve(Command& program) {
  auto options = std::make_shared<ServeOptions>();
  Command& command = program.add_command(
      "serve", words("Serves a page in the browser and an API like OpenAI's and Ollama's.",
                     "Показывает страницу в браузере; API — как у OpenAI и Ollama."));
  command.set_footer(words("Examples:\n  oko serve\n  oko serve --port 11434 --library ~/work.db",
                           "Примеры:\n  oko serve\n  oko serve --port 11434 --library ~/work.db"));
  command
      .add_option("--host", &options->host,
                  words("address to listen on", "на каком адресе слушать"))
      .show_default();
  command.add_option("--port", &options->port, words("port; 0: a free one", "порт; 0: свободный"))
      .range(0, 65535)
      .show_default();
  command.add_option("--api-key", &options->api_key,
                     words("key that every request must have [default: OKO_API_KEY]",
                           "ключ, который нужен каждому запросу [по умолчанию: OKO_API_KEY]"));
  command.add_option("--allow-host", &options->hosts,
                     words("name by which this machine may be asked; may be repeated",
                           "имя, по которому можно обращаться к этой машине; можно повторять"));
  command.add_option("--allow-origin", &options->origins,
                     words("address of pages that may ask, such as https://chat.example; may be "
                           "repeated",
                           "адрес страниц, которым можно спрашивать, например "
                           "https://chat.example; можно повторять"));
  command
      .add_option(
          "--root", &options->roots,
          words("folder that the page may index and whose files clients of MCP may name; may be "
                "repeated",
                "папка, которую можно индексировать со страницы и файлы которой можно "
                "называть клиентам MCP; можно повторять"))
      .names(ValueKind::kFolder);
  command.add_flag("--allow-remote-images", &options->allows_remote_images,
                   words("fetch pictures that requests name by their address",
                         "загружать картинки, адреса которых стоят в запросах"));
  add_library_option(command, options->library);
  add_served_models_option(command, options->models);
  add_ocr_option(command, options->ocr);
  add_threads_option(command, options->threads);
  add_common_options(command, options->common);
  command.on_run([options] { serve(*options); });
}

}  // namespace oko::cli
