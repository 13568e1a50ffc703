#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "engine/model_host.h"

namespace oko::cli {

/// Each function registers a command with its options and the callback that runs it. Errors leave
/// as oko::Error.
void add_describe(Command& program);
void add_chat(Command& program);
void add_ocr(Command& program);
void add_eval(Command& program);
void add_eval_search(Command& eval);
void add_index(Command& program);
void add_search(Command& program);
void add_serve(Command& program);
void add_mcp(Command& program);
void add_embed(Command& program);
void add_convert(Command& program);
void add_bench(Command& program);
void add_doctor(Command& program);
void add_plan(Command& program);
void add_pull(Command& program);
void add_models(Command& program);
void add_verify(Command& program);

/// Flags of every command.
struct CommonOptions {
  bool quiet = false;  ///< no progress and no notes on stderr
  std::string budget;  ///< memory for oko, weights included; empty: what the machine has for it
};

/// The bytes of the value of an option. Throws kUsage, with the name of the option.
std::uint64_t memory_size_of(const char* option, const std::string& text);

/// The budget in bytes: that of --budget, or this machine's, limited by the process's address
/// space.
std::uint64_t budget_of(const CommonOptions& options);

/// Throws kOverBudget if the limit of the address space leaves less than `bytes`. Call it after
/// `budget_of`, before libraries start that would end the process without memory. Code that knows
/// the whole work refuses budgets that are too small for other reasons.
void require_address_space(std::uint64_t bytes);

/// After this time an idle model is evicted.
inline constexpr std::chrono::minutes kIdleTimeout{5};
/// The models of a command under its budget. `beside_models`: what it takes besides, such as the
/// cache of a library.
std::shared_ptr<engine::ModelHost> make_host(const CommonOptions& options, std::size_t threads,
                                             std::uint64_t beside_models = 0);

/// What `oko plan --json` prints of this machine.
std::string plan_json(const CommonOptions& common);

void add_common_options(Command& command, CommonOptions& options);

/// Notes in the help of a command that it accepts --budget and ignores it.
void ignore_budget(Command& command);

/// Adds --threads, for commands that run a model. Without it `threads` keeps its value.
void add_threads_option(Command& command, std::size_t& threads);
/// `--model`, repeatable, of a command that serves models to other programs.
void add_served_models_option(Command& command, std::vector<std::string>& models);

/// Adds --kv-bits, for commands with a KV cache.
void add_kv_bits_option(Command& command, int& kv_bits);

/// Adds --languages, for commands that read text in pictures.
void add_languages_option(Command& command, std::vector<std::string>& languages);

}  // namespace oko::cli
