#include "cli/generation_options.h"

#include "cli/user_language.h"
#include "engine/plan.h"
#include "engine/reductions.h"
#include "hub/model_path.h"
#include "ocr/memory_estimate.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace oko::cli {

void add_ocr_option(Command& command, std::string& ocr) {
  command
      .add_option(
          "--ocr", &ocr,
          words("read the text in the picture first and give it to the model; auto: only if the "
                "picture clearly has text",
                "сначала прочитать текст на картинке и дать модели; auto: только если на картинке "
                "явно есть текст"))
      .one_of({"auto", "on", "off"})
      .show_default();
}

void add_generation_options(Command& command, GenerationOptions& options,
                            const std::string& language_help) {
  command.add_option("--lang", &options.language, language_help).one_of({"ru", "en"});
  add_ocr_option(command, options.ocr);
  command
      .add_option("--max-tokens", &options.max_tokens,
                  words("longest answer, in tokens", "предельная длина ответа, в токенах"))
      .range(1, 1'000'000)
      .show_default();
  command
      .add_option(
          "--max-pixels", &options.max_pixels,
          words("shrink pictures above N pixels [default: {} on a GPU, the model's limit on "
                "a CPU]",
                "уменьшать картинки крупнее N пикселей [по умолчанию: {} на GPU, предел "
                "модели на процессоре]",
                engine::kGraphPixels))
      .range(1024, 64'000'000)
      .in(OptionGroup::kMemoryAndSpeed);
  command
      .add_option("--temperature", &options.temperature,
                  words("0: the most likely answer; higher: more varied answers",
                        "0: самый вероятный ответ; больше — разнообразнее"))
      .range(0, 10)
      .show_default();
  command.add_option("--seed", &options.seed,
                     words("same seed, same answer, with --temperature above 0 [default: 0]",
                           "с тем же числом и --temperature больше 0 ответ тот же [по умолчанию: "
                           "0]"));
  if (options.model.empty()) options.model = hub::kDefaultVisionLanguageModel;
  command
      .add_option("-m,--model", &options.model,
                  words("name or folder of the model", "имя или папка модели"))
      .names(ValueKind::kModel)
      .show_default();
  add_kv_bits_option(command, options.kv_bits);
  add_threads_option(command, options.threads);
}

Language language_of(const GenerationOptions& options) {
  if (options.language.empty()) return user_language();
  return options.language == "ru" ? Language::kRussian : Language::kEnglish;
}

tasks::ReadText when_to_read(const std::string& ocr) {
  return tasks::read_text_of(ocr).value_or(tasks::ReadText::kWhereItFits);
}

void require_space_of_model(const GenerationOptions& options, const std::filesystem::path& model) {
  require_address_space(engine::runtime_bytes(tensor::on_gpu()) +
                        tensor::Weights::bytes_on_disk(model) +
                        (options.ocr == "on" ? ocr::kEngineBytes : 0));
}

}  // namespace oko::cli
