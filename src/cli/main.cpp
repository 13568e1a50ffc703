#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/core_count.h"
#include "base/error.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/open_files.h"
#include "base/system_reason.h"
#include "base/vanished_pages.h"
#include "budget/address_space.h"
#include "budget/memory_budget.h"
#include "budget/memory_probe.h"
#include "budget/memory_size.h"
#include "budget/process_memory.h"
#include "cli/commands.h"
#include "cli/help_files.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "decoding/helper.h"
#include "engine/plan.h"
#include "hub/repository.h"
#include "ocr/engine.h"
#include "tensor/device.h"
#include "tensor/device_report.h"

namespace oko::cli {

void add_common_options(Command& command, CommonOptions& options) {
  command
      .add_option("--budget", &options.budget,
                  words("memory that oko may take, weights included, such as 5GB [default: the "
                        "line \"for oko\" of oko plan]",
                        "сколько памяти может занять oko вместе с весами, например 5GB [по "
                        "умолчанию: строка «для oko» в oko plan]"))
      .names(ValueKind::kSize)
      .in(OptionGroup::kMemoryAndSpeed);
  command
      .add_flag("-q,--quiet", &options.quiet,
                words("no progress and no notes", "без индикатора и примечаний"))
      .in(OptionGroup::kGeneral);
}

void ignore_budget(Command& command) {
  command.hide("--budget");
}

namespace {

/// The system's limit that has reduced the budget, and the budget.
struct SpaceOfBudget {
  budget::AddressSpace space;
  std::uint64_t bytes = 0;
};
std::optional<SpaceOfBudget> space_of_budget;

/// Threads besides those of models and pages: the main one, watchers, libraries' threads.
constexpr std::size_t kOtherThreads = 6;

}  // namespace

std::uint64_t memory_size_of(const char* option, const std::string& text) {
  try {
    return budget::parse_memory_size(text);
  } catch (const Error& error) {
    throw Error(error.code(), format_text("{}: {}", option, error.message()), error.hint());
  }
}

std::uint64_t budget_of(const CommonOptions& options) {
  const std::uint64_t budget =
      !options.budget.empty()
          ? memory_size_of("--budget", options.budget)
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

/// Idle time of a model that waits for its next line of standard input. Its files stay in the page
/// cache, and loading it again takes milliseconds.

}  // namespace

std::shared_ptr<engine::ModelHost> make_host(const CommonOptions& options, std::size_t threads,
                                             std::uint64_t beside_models) {
  configure_heap();
  engine::HostOptions host;
  host.budget_bytes = budget_of(options);
  host.fixed_overhead_bytes = engine::runtime_bytes(tensor::on_gpu()) + beside_models;
  require_address_space(host.fixed_overhead_bytes);  // before it starts threads
  host.threads = threads;
  host.idle_timeout = kIdleTimeout;
  host.probe = budget::make_memory_probe();
  return std::make_shared<engine::ModelHost>(std::move(host));
}

void add_threads_option(Command& command, std::size_t& threads) {
  command
      .add_option("--threads", &threads,
                  words("processor threads [default: one per physical core]",
                        "потоки процессора [по умолчанию: один на физическое ядро]"))
      .range(1, 1024)
      .in(OptionGroup::kMemoryAndSpeed);
}

void add_served_models_option(Command& command, std::vector<std::string>& models) {
  command
      .add_option("-m,--model", &models,
                  words("name or folder of a model to serve besides those of oko models; may be "
                        "repeated",
                        "имя или папка модели в дополнение к тем, что показывает oko models; можно "
                        "повторять"))
      .names(ValueKind::kModel);
}

void add_kv_bits_option(Command& command, int& kv_bits) {
  command
      .add_option("--kv-bits", &kv_bits,
                  words("KV cache precision in bits; on a GPU always 16",
                        "бит на число в KV-кэше; на GPU всегда 16"))
      .one_of({"8", "16", "32"})
      .show_default()
      .in(OptionGroup::kMemoryAndSpeed);
}

void add_languages_option(Command& command, std::vector<std::string>& languages) {
  command
      .add_option("--languages", &languages,
                  words("languages of the text, comma-separated", "языки текста через запятую"))
      .label(words("LANGS", "ЯЗЫКИ"))
      .comma_separated()
      .show_default("ru-RU,en-US");
}

namespace {

bool prints_error = false;  ///< as an object, the given command does

/// A program that reads JSON gets an object, even if the command has failed before the first one.
void print_error_object(const Error& error) {
  if (!prints_error || has_json_object()) return;
  try {
    print_json({{"error", error_json(error)}});
  } catch (const Error&) {
    return;  // `error` itself may tell that nothing can be printed
  }
}

int report(const Error& error) {
  end_as_broken_pipe();
  say_error(error.message());
  LocalizedText hint = error.hint();
  if (error.code() == ErrorCode::kOverBudget && space_of_budget) {
    hint = tr("the limit of the address space, {} ({}), leaves no more: raise it",
              "больше не даёт предел адресного пространства, {} ({}): увеличьте его",
              format_bytes(space_of_budget->space.limit), space_of_budget->space.setting);
  }
  say_hint(hint);
  print_error_object({error.code(), error.message(), hint});
  return error.code() == ErrorCode::kCancelled ? stop_status() : exit_status(error.code());
}

/// The number of the JSON objects: it grows when a key changes or goes (docs/CLI.md).
constexpr int kJsonVersion = 1;

std::string version_text() {
  return fmt::format("oko {}\nMLX {}, {}\n{}\nJSON {}", OKO_VERSION, tensor::mlx_version(),
                     tensor::on_gpu() ? "GPU" : "CPU", ocr::engine_name(), kJsonVersion);
}

/// What users of ollama, llm, mlx_vlm, tesseract and pip type first.
void suggest_commands(Command& program) {
  constexpr std::pair<const char*, const char*> kInstead[] = {
      {"run", "oko describe"},     {"generate", "oko describe"}, {"caption", "oko describe"},
      {"ask", "oko chat"},         {"list", "oko models"},       {"ls", "oko models"},
      {"ps", "oko models"},        {"show", "oko models"},       {"rm", "oko models rm"},
      {"remove", "oko models rm"}, {"delete", "oko models rm"},  {"download", "oko pull"},
      {"install", "oko pull"},     {"read", "oko ocr"},          {"text", "oko ocr"},
      {"quantize", "oko convert"}, {"check", "oko doctor"},      {"info", "oko doctor"},
      {"benchmark", "oko bench"},  {"embeddings", "oko embed"},
  };
  for (const auto& [name, instead] : kInstead) program.suggest(name, instead);
}

int run(std::span<char* const> arguments) {
  Command program("oko", words("oko sees, reads and describes pictures, locally.",
                               "oko видит, читает и описывает картинки — локально."));
  program.add_version(version_text);
  program.begin_group(words("See", "Видеть"));
  add_describe(program);
  add_chat(program);
  program.begin_group(words("Read", "Читать"));
  add_ocr(program);
  program.begin_group(words("Find", "Искать"));
  add_index(program);
  add_search(program);
  add_embed(program);
  program.begin_group(words("Serve", "Сервер"));
  add_serve(program);
  add_mcp(program);
  program.begin_group(words("Models", "Модели"));
  add_pull(program);
  add_models(program);
  add_verify(program);
  add_convert(program);
  program.begin_group(words("This machine", "Эта машина"));
  add_doctor(program);
  add_plan(program);
  program.begin_group(words("Measure", "Измерять"));
  add_bench(program);
  add_eval(program);
  suggest_commands(program);
  program.set_footer(
      words("oko COMMAND --help explains a command.", "oko КОМАНДА --help описывает команду."));
  // The build calls it to install what it writes: oko --write-help-files SHARE DATE.
  if (arguments.size() == 3 && std::string_view(arguments[0]) == "--write-help-files") {
    std::vector<std::string> models = hub::short_names();
    models.emplace_back("bge-m3");
    write_help_files(program.syntax(), models,
                     {.version = std::string("oko ") + OKO_VERSION, .date = arguments[2]},
                     arguments[1]);
    return 0;
  }
  // `oko serve` calls it: a process that decodes what strangers send.
  if (arguments.size() == 1 && std::string_view(arguments[0]) == decoding::kHelperArgument) {
    end_at_once(decoding::run_helper());
  }
  const auto parse = [&] {
    try {
      return program.parse(arguments);
    } catch (const Error&) {
      prints_error = program.prints_error_object();
      throw;
    }
  };
  if (const std::optional<std::string> text = parse()) {
    print(*text);
    end_at_once(0);  // destructors of libraries would take a millisecond
  }
  prints_error = program.prints_error_object();
  // Throws for an unusable device before the command does anything; doctor reports it instead.
  if (arguments.empty() || std::string_view(arguments[0]) != "doctor") tensor::device();
  program.run();
  return 0;
}

}  // namespace
}  // namespace oko::cli

int main(int argc, char** argv) {
  oko::handle_vanished_pages(oko::cli::user_language());
  oko::cli::secure_standard_streams();
  oko::raise_open_file_limit();
  try {
    // A caller may even omit the program's name.
    const int named = std::min(argc, 1);
    return oko::cli::run({argv + named, static_cast<std::size_t>(argc - named)});
  } catch (const oko::Error& error) {
    return oko::cli::report(error);
  } catch (const std::bad_alloc&) {
    return oko::cli::report(oko::budget::refused_by_system());
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string name = error.path1().empty() ? "" : error.path1().string() + ": ";
    return oko::cli::report(
        oko::Error(oko::ErrorCode::kFailed, name + oko::system_reason(error.code())));
  } catch (const std::system_error& error) {
    // std::thread throws it if the system starts no thread.
    if (error.code() == std::errc::resource_unavailable_try_again) {
      return oko::cli::report(oko::budget::refused_by_system());
    }
    return oko::cli::report(oko::Error(oko::ErrorCode::kFailed, error.what()));
  } catch (const std::exception& error) {
    return oko::cli::report(oko::Error(oko::ErrorCode::kFailed, error.what()));
  }
}
