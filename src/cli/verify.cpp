#include "hub/verify.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "hub/model_path.h"

namespace oko::cli {
namespace {

struct VerifyArguments {
  CommonOptions common;
  std::string model;
  hub::VerifyOptions run;
  bool json = false;
};

const char* name_of(hub::FileState state) {
  switch (state) {
    case hub::FileState::kRight:
      return "right";
    case hub::FileState::kDamaged:
      return "damaged";
    case hub::FileState::kMissing:
      return "missing";
  }
  return "";
}

LocalizedText text_of(hub::FileState state) {
  return state == hub::FileState::kMissing ? tr("missing", "нет такого файла")
                                           : tr("damaged", "повреждён");
}

void print_verdicts(const VerifyArguments& options, const std::vector<hub::VerifiedFile>& files) {
  std::uint64_t bytes = 0;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string damaged;
  for (const hub::VerifiedFile& file : files) {
    bytes += file.bytes;
    list.push_back({{"path", file.path}, {"bytes", file.bytes}, {"state", name_of(file.state)}});
    if (file.state == hub::FileState::kRight) continue;
    damaged += words("{}: {}\n", "{}: {}\n", one_line(file.path), text_of(file.state));
  }
  if (options.json) {
    print_json({{"folder", options.run.model.string()}, {"bytes", bytes}, {"files", list}});
  } else if (!damaged.empty()) {
    print(damaged);
  } else if (!options.common.quiet) {
    print(words("{}: {}, {} files, all right\n", "{}: {}, {:файл|файла|файлов}, всё цело\n",
                one_line(options.run.model.string()), format_bytes(bytes), Count(files.size())));
  }
}

/// What to do about damaged files: those of Hugging Face's cache are links to blobs.
LocalizedText hint_for(const VerifyArguments& options,
                       const std::vector<hub::VerifiedFile>& files) {
  std::error_code error;
  for (const hub::VerifiedFile& file : files) {
    const std::filesystem::path path = options.run.model / file.path;
    if (file.state != hub::FileState::kDamaged || !std::filesystem::is_symlink(path, error))
      continue;
    return tr(
        "remove what it is a link to, {}, then download the model again with Hugging Face's "
        "tools",
        "удалите то, на что он ссылается, {}, и скачайте модель заново средствами Hugging "
        "Face",
        std::filesystem::canonical(path, error).string());
  }
  const bool is_name = !std::filesystem::exists(options.model, error);
  return is_name ? tr("download it again: oko models rm {}, then oko pull {}",
                      "скачайте её заново: oko models rm {}, затем oko pull {}", options.model,
                      options.model)
                 : tr("remove the folder and download the model again",
                      "удалите папку и скачайте модель заново");
}

void run(VerifyArguments& options) {
  options.run.model = hub::find_model(options.model);
  const Interrupt interrupt;
  options.run.stop = interrupt.token();
  ProgressBar progress(words("verifying", "проверяю"), options.common.quiet);
  options.run.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(static_cast<double>(done) / static_cast<double>(total));
  };
  const std::vector<hub::VerifiedFile> files = hub::verify_model(options.run);
  progress.clear();
  print_verdicts(options, files);
  const auto wrong = std::count_if(files.begin(), files.end(), [](const auto& file) {
    return file.state != hub::FileState::kRight;
  });
  if (wrong == 0) return;
  throw Error(ErrorCode::kBadModel,
              tr("{}: {} of {} files are damaged or missing",
                 "{}: повреждены или отсутствуют {} из {:файла|файлов|файлов}",
                 options.run.model.string(), wrong, Count(files.size())),
              hint_for(options, files));
}

}  // namespace

void add_verify(Command& program) {
  auto options = std::make_shared<VerifyArguments>();
  Command& command = program.add_command(
      "verify", words("Compares the files of a downloaded model with their hashes.",
                      "Сверяет файлы скачанной модели с их хешами."));
  const char* example = "\n  oko verify qwen3-vl-4b";
  command.set_footer(words("Example:{}", "Пример:{}", example));
  command
      .add_argument("MODEL", &options->model,
                    words("name or folder of the model", "имя или папка модели"))
      .required();
  add_threads_option(command, options->run.threads);
  command.add_flag("-j,--json", &options->json, words("one JSON object", "объект JSON"));
  add_common_options(command, options->common);
  ignore_budget(command);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
