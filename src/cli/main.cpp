#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"
#include "base/file.h"
#include "base/language.h"
#include "budget/address_space.h"
#include "budget/ledger.h"
#include "budget/memory_probe.h"
#include "budget/memory_size.h"
#include "budget/process_memory.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "engine/plan.h"
#include "tensor/device.h"

namespace oko::cli {

void add_common_options(CLI::App& command, CommonOptions& options) {
  command.add_flag("--quiet", options.quiet,
                   tr("no progress and no notes", "без индикатора и примечаний"));
  command.add_option("--budget", options.budget,
                     tr("memory that oko may take, weights included, such as 5GB; otherwise what "
                        "oko plan shows",
                        "сколько памяти можно oko вместе с весами, например 5GB; иначе — как "
                        "показывает oko plan"));
}

void ignore_budget(CLI::App& command) {
  command.get_option("--budget")
      ->description(tr("is ignored: this command takes the memory that it takes",
                       "не учитывается: команда берёт столько памяти, сколько ей нужно"));
}

namespace {

/// The limit of the system that has made the budget smaller than it would be, and the budget.
struct SpaceOfBudget {
  budget::AddressSpace space;
  std::uint64_t bytes = 0;
};
std::optional<SpaceOfBudget> space_of_budget;

/// Besides those that models and pages are worked on with: the main one, watchers, libraries'.
constexpr std::size_t kOtherThreads = 6;

}  // namespace

std::uint64_t budget_of(const CommonOptions& options) {
  const std::uint64_t budget =
      !options.budget.empty()
          ? budget::parse_memory_size(options.budget)
          : engine::default_budget(budget::this_system(), budget::make_memory_probe()->status(),
                                   tensor::gpu_working_set_bytes());
  const auto space = budget::address_space();
  if (!space) return budget;
  const std::uint64_t within =
      budget::private_bytes() +
      budget::memory_within(space->left(), physical_core_count() + kOtherThreads);
  if (within < budget) space_of_budget = {*space, within};
  return std::min(budget, within);
}

void require_address_space(std::uint64_t bytes) {
  if (!space_of_budget || bytes <= space_of_budget->bytes) return;
  throw budget::OverBudget(bytes, space_of_budget->bytes);
}

namespace {

/// Of a model that waits for its next line of standard input. Its files stay in the page cache, and
/// loading it again takes milliseconds.
constexpr std::chrono::minutes kIdleTimeout{5};

}  // namespace

std::shared_ptr<engine::ModelHost> make_host(const CommonOptions& options, std::size_t threads) {
  engine::HostOptions host;
  host.budget_bytes = budget_of(options);
  host.beside_bytes = engine::runtime_bytes(tensor::on_gpu());
  require_address_space(host.beside_bytes);  // before it starts threads
  host.threads = threads;
  host.idle_timeout = kIdleTimeout;
  host.probe = budget::make_memory_probe();
  return std::make_shared<engine::ModelHost>(std::move(host));
}

void add_threads_option(CLI::App& command, std::size_t& threads) {
  command
      .add_option("--threads", threads,
                  tr("processor threads; otherwise one a physical core",
                     "потоки процессора; иначе по одному на физическое ядро"))
      ->check(CLI::Range(1, 1024));
}

void add_kv_bits_option(CLI::App& command, int& kv_bits) {
  command
      .add_option("--kv-bits", kv_bits,
                  tr("bits of a number in the KV cache: 8, 16, 32; on a GPU it has 16",
                     "бит на число в KV-кэше: 8, 16, 32; на GPU — 16"))
      ->check(CLI::IsMember({8, 16, 32}))
      ->capture_default_str();
}

void add_languages_option(CLI::App& command, std::vector<std::string>& languages) {
  command
      .add_option("--languages", languages,
                  tr("languages of the text, comma-separated", "языки текста через запятую"))
      ->delimiter(',')
      ->default_str("ru-RU,en-US");
}

namespace {

int report(const Error& error) {
  end_as_broken_pipe();
  say_note(error.what());
  std::string hint = error.hint();
  if (error.code() == ErrorCode::kOverBudget && space_of_budget) {
    hint = tr("the limit of the address space, {} ({}), leaves no more: raise it",
              "больше не даёт предел адресного пространства, {} ({}): увеличьте его",
              format_bytes(space_of_budget->space.limit), space_of_budget->space.setting);
  }
  if (!hint.empty()) say(fmt::format("{}: {}\n", tr("hint", "подсказка"), printable(hint)));
  return exit_status(error.code());
}

/// What CLI11 may take for options, until "--": "-x..." in `arguments`.
std::vector<std::string> dashed(std::span<char* const> arguments) {
  std::vector<std::string> found;
  for (const std::string each : arguments) {
    if (each == "--") break;
    if (each.size() > 2 && each[0] == '-' && each[1] != '-') found.push_back(each);
  }
  return found;
}

std::string usage_hint(std::span<char* const> arguments) {
  if (dashed(arguments).empty()) {
    return tr("see oko --help, or oko COMMAND --help", "см. oko --help или oko КОМАНДА --help");
  }
  return tr("put -- before texts and names that begin with -, or ./ before a name",
            "перед текстами и именами, которые начинаются с -, ставьте --, перед именем можно ./");
}

/// CLI11 takes "-house" for -h with letters behind it.
void refuse_joined_help(std::span<char* const> arguments) {
  for (const std::string& each : dashed(arguments)) {
    if (each[1] != 'h') continue;
    throw Error(ErrorCode::kUsage,
                tr("wrong usage: no option {}", "неверный вызов: нет ключа {}", each),
                usage_hint(arguments));
  }
}

int run(int argc, char** argv) {
  const std::span<char* const> arguments(argv + 1, static_cast<std::size_t>(std::max(argc, 1) - 1));
  refuse_joined_help(arguments);
  CLI::App app(tr("oko sees, reads and describes pictures, locally.",
                  "oko видит, читает и описывает картинки — локально."),
               "oko");
  app.set_version_flag("--version", std::string("oko ") + OKO_VERSION);
  app.require_subcommand(0, 1);
  add_describe(app);
  add_ocr(app);
  add_eval(app);
  add_embed(app);
  add_convert(app);
  add_plan(app);
  add_bench(app);
  // A device that cannot be used is an error before a command does anything.
  app.parse_complete_callback([] { tensor::device(); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;  // --help, --version
    const int status = app.exit(success, text);
    print(text.str());
    return status;
  } catch (const CLI::ParseError& wrong) {
    const std::string reason = wrong.what();
    return report(Error(ErrorCode::kUsage, tr("wrong usage: {}", "неверный вызов: {}", reason),
                        usage_hint(arguments)));
  }
  if (app.get_subcommands().empty()) {
    throw Error(ErrorCode::kUsage, tr("no command is given", "не указана команда"),
                tr("see oko --help", "см. oko --help"));
  }
  return 0;
}

}  // namespace
}  // namespace oko::cli

int main(int argc, char** argv) {
  oko::cli::secure_standard_streams();
  try {
    return oko::cli::run(argc, argv);
  } catch (const oko::Error& error) {
    return oko::cli::report(error);
  } catch (const std::bad_alloc&) {
    return oko::cli::report(oko::budget::refused_by_system());
  } catch (const std::system_error& error) {
    // std::thread's where the system starts none.
    if (error.code() == std::errc::resource_unavailable_try_again) {
      return oko::cli::report(oko::budget::refused_by_system());
    }
    return oko::cli::report(oko::Error(oko::ErrorCode::kFailed, error.what()));
  } catch (const std::exception& error) {
    return oko::cli::report(oko::Error(oko::ErrorCode::kFailed, error.what()));
  }
}
