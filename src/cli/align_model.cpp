#include "cli/align_model.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "hub/align_weights.h"
#include "tensor/weights.h"

namespace oko::cli {
namespace {

std::string failure_text(const std::filesystem::path& model, const Error& error) {
  const std::uint64_t copied = tensor::Weights::open(model).copied_bytes();
  return words(
      "{}: the weights are misaligned, and an aligned copy cannot be made ({}); each start "
      "copies {} of them to memory and reads the rest in place",
      "{}: веса лежат не по границам, а выровненную копию создать не удаётся ({}); при "
      "каждом запуске {} из них копируется в память, остальное читается на месте",
      model.string(), error.message(), format_bytes(copied));
}

}  // namespace

void align_model(const std::filesystem::path& model, const CommonOptions& options,
                 const StopToken& stop) {
  const auto note = [&](const std::string& text) {
    if (!options.quiet) say_note(text);
  };
  ProgressBar progress(words("aligning", "выравниваю"), options.quiet);
  hub::AlignOptions align{.model = model};
  align.on_copy = [&](const std::filesystem::path& copy, std::uint64_t bytes) {
    note(words(
        "{}: the weights are misaligned; an aligned copy is made once, which takes {} of disk: "
        "{}",
        "{}: веса лежат не по границам; один раз создаётся выровненная копия, {} на диске: {}",
        model.string(), format_bytes(bytes), copy.string()));
  };
  align.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(static_cast<double>(done) / static_cast<double>(total));
  };
  align.stop = stop;
  try {
    hub::align_weights(align);
    progress.clear();
  } catch (const Error& error) {
    progress.clear();
    if (error.code() != ErrorCode::kFailed) throw;
    note(failure_text(model, error));
  }
}

void print_copied_weights(std::uint64_t bytes) {
  if (bytes == 0) return;
  say(words("{} of the weights are misaligned and were copied to private memory\n",
            "{} весов лежат не по границам и скопированы в память процесса\n",
            format_bytes(bytes)));
}

}  // namespace oko::cli
