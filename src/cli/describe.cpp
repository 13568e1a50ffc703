#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/describe_options.h"
#include "cli/generation_options.h"
#include "cli/user_language.h"

namespace oko::cli {

void add_describe(Command& program) {
  auto options = std::make_shared<DescribeOptions>();
  Command& command = program.add_command(
      "describe", words("Describes pictures and PDFs with a vision-language model.",
                        "Описывает картинки и PDF моделью зрения и языка."));
  command.set_footer(words("Example:\n  oko describe photo.jpg --lang en --stats",
                           "Пример:\n  oko describe photo.jpg --lang ru --stats"));
  command
      .add_argument(
          "IMAGE", &options->images,
          words("pictures (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP), PDFs, folders of them, or "
                "https addresses; - is standard input",
                "картинки (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP), PDF, папки с ними или "
                "адреса https; - это стандартный ввод"))
      .required();
  command.add_option("-p,--prompt", &options->prompt,
                     words("what to ask about the picture", "что спросить о картинке"));
  command
      .add_option("--prompt-file", &options->prompt_file,
                  words("file with the question; - is standard input",
                        "файл с вопросом; - это стандартный ввод"))
      .names(ValueKind::kFile);
  command.add_option(
      "--system", &options->system,
      words("instruction for the model before the question", "указание модели перед вопросом"));
  command.add_flag("--together", &options->together,
                   words("ask one question about all pictures, in their order",
                         "задать один вопрос обо всех картинках, по порядку"));
  add_input_options(command, options->input);
  add_generation_options(command, options->generation,
                         words("language of the default question [default: that of LANG]",
                               "язык вопроса по умолчанию [по умолчанию: как в LANG]"));
  command
      .add_option(
          "--ocr-tokens", &options->ocr_tokens,
          words(
              "limit the recognized text to N tokens [default: what fits the model and the budget]",
              "давать модели не больше N токенов прочитанного текста [по умолчанию: сколько "
              "вмещают модель и бюджет]"))
      .range(0, 1'000'000)
      .in(OptionGroup::kMemoryAndSpeed);
  command
      .add_flag("--lookup", &options->lookup,
                words("guess tokens that repeat the prompt or the answer; on a CPU the answer "
                      "stays the same",
                      "угадывать токены, повторяющие запрос или ответ; на CPU ответ не меняется"))
      .in(OptionGroup::kMemoryAndSpeed);
  command.add_flag(
      "-j,--json", &options->json,
      words("print one JSON object per picture", "напечатать по объекту JSON на картинку"));
  command.add_flag("--stats", &options->stats,
                   words("print times, tokens and memory", "напечатать время, токены и память"));
  add_common_options(command, options->common);
  command.on_run([options] { describe(*options); });
}

}  // namespace oko::cli
