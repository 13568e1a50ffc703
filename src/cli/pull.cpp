#include "hub/pull.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/pull_model.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

using Source = hub::PullReport::Source;

struct PullArguments {
  CommonOptions common;
  hub::PullOptions run;
  bool keep_source = false;
  bool json = false;
};

const char* name_of(Source source) {
  switch (source) {
    case Source::kHub:
      return "hub";
    case Source::kModelFolder:
      return "model_folder";
    case Source::kHuggingFaceCache:
      return "hugging_face_cache";
  }
  return "";
}

std::string text_of(const hub::PullReport& report) {
  return words("{}: {}, {} files\n", "{}: {}, {:файл|файла|файлов}\n",
               one_line(report.folder.string()), format_bytes(report.bytes), Count(report.files));
}

nlohmann::ordered_json json_of(const hub::PullReport& report) {
  nlohmann::ordered_json object = {{"repository", report.repository},
                                   {"revision", report.revision},
                                   {"folder", report.folder.string()},
                                   {"source", name_of(report.source)},
                                   {"files", report.files},
                                   {"bytes", report.bytes},
                                   {"fetched_bytes", report.fetched_bytes}};
  if (report.revision.empty()) object["revision"] = nullptr;
  if (!report.newer_revision.empty()) object["newer_revision"] = report.newer_revision;
  return object;
}

void say_source(const hub::PullReport& report, const std::string& name) {
  if (!report.newer_revision.empty()) {
    constexpr std::size_t kDigits = 8;
    say_note(words("the model is there already, but the hub has a newer version ({})",
                   "модель уже скачана, но на хабе есть версия новее ({})",
                   report.newer_revision.substr(0, kDigits)));
    say_hint(tr("oko pull {} --update replaces it", "заменит её oko pull {} --update", name));
  } else if (report.source == Source::kModelFolder) {
    say_note(words("the model is there already", "модель уже скачана"));
  } else if (report.source == Source::kHuggingFaceCache) {
    say_note(words("the model is in the Hugging Face cache, and oko uses it from there",
                   "модель есть в кэше Hugging Face, и oko берёт её оттуда"));
  }
}

void run(const PullArguments& options) {
  const Interrupt interrupt;
  const hub::PullReport report =
      pull_model(options.run, options.keep_source, options.common.quiet, interrupt.token());
  if (!options.common.quiet) say_source(report, options.run.name);
  if (options.json) {
    print_json(json_of(report));
  } else if (!options.common.quiet) {
    print(text_of(report));
  }
}

}  // namespace

void add_pull(Command& program) {
  auto options = std::make_shared<PullArguments>();
  options->run.looks_for_newer = true;
  Command& command = program.add_command(
      "pull", words("Downloads a model from Hugging Face; bge-m3 is then converted to 8 bits. The "
                    "same command goes on with a download that was interrupted.",
                    "Скачивает модель с Hugging Face; bge-m3 затем преобразует в 8 бит. Прерванную "
                    "загрузку продолжает та же команда."));
  const char* example = "\n  oko pull qwen3-vl-4b";
  command.set_footer(words("Example:{}", "Пример:{}", example));
  command
      .add_argument("NAME", &options->run.name,
                    words("qwen3-vl-2b, qwen3-vl-4b, qwen3-vl-8b, qwen3-vl-32b, bge-m3 or a "
                          "repository: ORG/NAME",
                          "qwen3-vl-2b, qwen3-vl-4b, qwen3-vl-8b, qwen3-vl-32b, bge-m3 или "
                          "репозиторий: ORG/NAME"))
      .required();
  command
      .add_option(
          "--revision", &options->run.revision,
          words("branch, tag or commit of the repository", "ветка, метка или коммит репозитория"))
      .show_default();
  command.add_flag("--update", &options->run.update,
                   words("replace a model that is there if the hub has a newer version",
                         "заменить скачанную модель, если на хабе есть версия новее"));
  command.add_flag("--keep-source", &options->keep_source,
                   words("keep the weights that bge-m3 was made of (2.3 GB)",
                         "оставить веса, из которых сделана bge-m3 (2,3 ГБ)"));
  command.add_flag("-j,--json", &options->json, words("one JSON object", "объект JSON"));
  add_common_options(command, options->common);
  ignore_budget(command);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
