#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/data_folder.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "base/system_reason.h"
#include "cli/align_model.h"
#include "cli/commands.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "cli/library_option.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "decoding/helpers.h"
#include "mcp/file_roots.h"
#include "mcp/server.h"
#include "mcp/session.h"
#include "server/served_models.h"
#include "tasks/shared_reader.h"

namespace oko::cli {
namespace {

/// For calls to end once the client is gone; clients wait for two seconds.
constexpr std::chrono::milliseconds kEndPatience{1000};

struct McpOptions {
  CommonOptions common;
  std::vector<std::string> roots;
  std::vector<std::string> models;
  std::string library;
  std::size_t threads = 0;
};

[[noreturn]] void fail_stream(int error) {
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("the client cannot be reached: {}", "с клиентом нет связи: {}", reason));
}

/// Standard output, which is the protocol's alone: what a library prints goes to standard error.
class ProtocolOutput {
 public:
  ProtocolOutput() : file_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) {
    if (file_ < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) fail_stream(errno);
  }
  ~ProtocolOutput() { ::close(file_); }
  ProtocolOutput(const ProtocolOutput&) = delete;
  ProtocolOutput& operator=(const ProtocolOutput&) = delete;

  void write(std::string_view text) const {
    if (const int error = write_all(file_, text); error != 0) fail_stream(error);
  }

 private:
  int file_;
};

/// Standard input, in whose place a stop is read as its end.
class ProtocolInput {
 public:
  explicit ProtocolInput(const StopToken& stop)
      : stop_(stop), wake_(stop, [this] { static_cast<void>(::write(pipe_.end[1], "s", 1)); }) {}

  /// Waits for bytes; empty: the end. Throws kCancelled.
  std::string_view next() {
    std::array<pollfd, 2> waiting{{{STDIN_FILENO, POLLIN, 0}, {pipe_.end[0], POLLIN, 0}}};
    for (;;) {
      throw_if_stopped(stop_);
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) fail_stream(errno);
      if (waiting[0].revents == 0) continue;
      const ssize_t count = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
      if (count >= 0) return {buffer_.data(), static_cast<std::size_t>(count)};
      if (errno != EINTR && errno != EAGAIN) fail_stream(errno);
    }
  }

 private:
  struct Pipe {
    Pipe() {
      if (::pipe(end) != 0) fail_stream(errno);
    }
    ~Pipe() {
      ::close(end[0]);
      ::close(end[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    int end[2] = {-1, -1};
  };

  StopToken stop_;
  Pipe pipe_;
  StopCallback<std::function<void()>> wake_;
  std::array<char, 64 * 1024> buffer_{};
};

void serve_mcp(const McpOptions& options) {
  const ProtocolOutput output;
  const Interrupt interrupt(kEndPatience);
  const StopToken stop = interrupt.token();
  mcp::FileRoots roots = mcp::FileRoots::of_options(options.roots);
  for (const std::string& model : options.models) {
    find_or_pull_model(model, options.common, stop);
  }
  server::ServedModels models(
      {.host = make_host(options.common, options.threads, decoding::kHelperBytes),
       .models = options.models,
       .align =
           [&](const std::filesystem::path& folder) { align_model(folder, options.common, stop); },
       .helpers = std::make_shared<decoding::Helpers>(
           decoding::HelperOptions{.program = program_path()})});
  tasks::SharedReader reader(models.host());
  const mcp::Server server({.tools = {.models = models,
                                      .reader = reader,
                                      .open_library = library_opener(library_place(options.library),
                                                                     options.common.quiet)},
                            .version = OKO_VERSION,
                            .roots = std::move(roots),
                            .asks_for_roots = true});
  mcp::Session session(server, {.language = user_language()},
                       [&](std::string_view line) { output.write(line); });
  if (!options.common.quiet && ::isatty(STDIN_FILENO) == 1) {
    say_note(tr("oko mcp waits for a client's messages; Ctrl-D ends it",
                "oko mcp ждёт сообщений клиента; Ctrl-D закончит работу"));
  }
  ProtocolInput input(stop);
  for (std::string_view bytes = input.next(); !bytes.empty(); bytes = input.next()) {
    session.receive(bytes);
  }
  if (!session.end(kEndPatience)) end_at_once(0);  // a library works on that cannot be stopped
}

}  // namespace

void add_mcp(Command& program) {
  auto options = std::make_shared<McpOptions>();
  Command& command =
      program.add_command("mcp", words("Gives tools to a client of MCP, such as Claude Desktop.",
                                       "Даёт инструменты клиенту MCP, например Claude Desktop."));
  command.set_footer(
      words("The client starts oko and talks to it over standard input and output.\n\nExample:\n"
            "  oko mcp --root ~/Pictures",
            "Клиент сам запускает oko и общается с ним через стандартный ввод и вывод.\n\nПример:\n"
            "  oko mcp --root ~/Pictures"));
  command
      .add_option("--root", &options->roots,
                  words("folder whose files the client may name; may be repeated [default: the "
                        "folders that the client works in]",
                        "папка, файлы которой можно называть клиенту; можно повторять [по "
                        "умолчанию: папки, с которыми работает клиент]"))
      .names(ValueKind::kFolder);
  add_library_option(command, options->library);
  add_served_models_option(command, options->models);
  add_threads_option(command, options->threads);
  add_common_options(command, options->common);
  command.on_run([options] { serve_mcp(*options); });
}

}  // namespace oko::cli
