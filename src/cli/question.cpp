#include "cli/question.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/trimmed.h"
#include "cli/near_path.h"
#include "cli/standard_input.h"
#include "hub/web_file.h"

namespace oko::cli {
namespace {

bool looks_like_question(const std::string& text) {
  if (text.ends_with('?')) return true;
  const std::string extension = std::filesystem::path(text).extension().string();
  return text.find(' ') != std::string::npos && text.find('/') == std::string::npos &&
         extension.size() <= 1;
}

}  // namespace

void refuse_question_as_file(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    std::error_code ignored;
    if (!looks_like_question(file) || has_entry(file) || hub::is_web_address(file)) continue;
    throw Error(ErrorCode::kNotFound, tr("{}: no such file", "{}: нет такого файла", file),
                tr("to ask something, use --prompt \"...\"",
                   "чтобы задать вопрос, используйте --prompt \"...\""));
  }
}

std::string question_in_file(const std::string& file, const std::vector<std::string>& files,
                             const StopToken& stop) {
  constexpr std::uint64_t kMaxBytes = 1'000'000;
  std::string text;
  if (file == "-") {
    if (std::find(files.begin(), files.end(), "-") != files.end()) {
      throw Error(ErrorCode::kUsage,
                  tr("standard input is both the question and a picture",
                     "стандартный ввод указан и как вопрос, и как картинка"),
                  tr("name a file for one of them", "для одного из них укажите файл"));
    }
    text = read_file(keep_standard_input(stop)->path(), kMaxBytes, ErrorCode::kBadInput);
  } else {
    try {
      text = read_file(file, kMaxBytes, ErrorCode::kBadInput);
    } catch (const Error& error) {
      throw with_nearest_path(error, file);
    }
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (trimmed(text).empty()) {
    throw Error(ErrorCode::kBadInput, tr("{}: has no question", "{}: вопроса в нём нет", file),
                tr("write the question into it, or leave --prompt-file out for the usual one",
                   "впишите в него вопрос, а для обычного вопроса уберите --prompt-file"));
  }
  return text;
}

void refuse_conflicts(const DescribeOptions& options) {
  if (!options.prompt.empty() && !options.prompt_file.empty()) {
    throw Error(
        ErrorCode::kUsage,
        tr("--prompt and --prompt-file are given together", "указаны и --prompt, и --prompt-file"),
        tr("give one of them", "укажите что-то одно"));
  }
  if (options.ocr_tokens && options.generation.ocr == "off") {
    throw Error(ErrorCode::kUsage,
                tr("--ocr off reads no text, and --ocr-tokens is given",
                   "--ocr off не читает текст, а указан --ocr-tokens"),
                tr("leave one of them out", "уберите что-то одно"));
  }
  if (options.together && !options.input.out_folder.empty()) {
    throw Error(ErrorCode::kUsage,
                tr("--together gives one answer, and --out-dir wants one per input",
                   "--together даёт один ответ, а --out-dir нужен ответ на каждый файл"),
                tr("use -o", "используйте -o"));
  }
}

}  // namespace oko::cli
