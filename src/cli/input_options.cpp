#include "cli/input_options.h"

#include "base/error.h"
#include "base/localized_text.h"
#include "cli/user_language.h"

namespace oko::cli {

void add_input_options(Command& command, InputOptions& options) {
  command
      .add_option("--pages", &options.pages,
                  words("only these pages of each file: 1-3,5 or 7-",
                        "только эти страницы каждого файла: 1-3,5 или 7-"))
      .label(words("PAGES", "СТРАНИЦЫ"));
  command.add_option("--password", &options.password, words("password of the PDF", "пароль PDF"));
  command
      .add_option("-o,--output", &options.output,
                  words("write to this file, whole or not at all; -: standard output",
                        "записать в этот файл, целиком или никак; -: стандартный вывод"))
      .names(ValueKind::kFile);
  command
      .add_option("--out-dir", &options.out_folder,
                  words("write one file per input into this folder",
                        "записать в эту папку по файлу на каждый исходный"))
      .names(ValueKind::kFolder);
}

document::PageSelection selection_of(const InputOptions& options) {
  if (options.pages.empty()) return {};
  return document::PageSelection::parse(options.pages, format_text("{}", Knob{"pages"}));
}

void settle_output(InputOptions& options) {
  if (options.output == "-") options.output.clear();
  if (options.output.empty() || options.out_folder.empty()) return;
  throw Error(ErrorCode::kUsage,
              tr("-o and --out-dir are given together", "указаны и -o, и --out-dir"),
              tr("-o is one file for all, --out-dir one file per input",
                 "-o — один файл на всё, --out-dir — по файлу на каждый исходный"));
}

}  // namespace oko::cli
