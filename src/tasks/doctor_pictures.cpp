#include "tasks/doctor_pictures.h"

#include <filesystem>
#include <string>

#include "base/error.h"
#include "engine/generator.h"
#include "engine/stopwatch.h"
#include "hub/model_path.h"
#include "tasks/describe.h"
#include "testing/reference_models.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

/// The answer to the default question.
engine::GenerationResult describe(engine::ModelHost& host, engine::Generator& generator,
                                  DescribeOptions options, const fs::path& picture,
                                  const StopToken& stop) {
  options.read_text = ReadText::kNever;
  document::Pages pages({picture.string()});
  Describer describer(host, generator, std::move(options), pages, stop);
  return describer.next().answer.wait();
}

void check_known(const SelfTestOptions& options, Check& check) {
  const fs::path images = *options.data / "images";
  const std::shared_ptr<engine::ModelHost> host = options.make_host();
  engine::Generator generator(
      {.vision_language_model = *options.data / "models" / "tiny-vl", .host = host});
  std::string seen;
  for (const testing::KnownPicture& picture :
       testing::read_known_pictures(images / "expected.jsonl")) {
    if (seen.find(picture.language) != std::string::npos) continue;  // one of each language
    seen += picture.language + " ";
    const bool russian = picture.language == "ru";
    const engine::GenerationResult result =
        describe(*host, generator,
                 {.language = russian ? Language::kRussian : Language::kEnglish, .max_tokens = 64},
                 images / picture.file, options.stop);
    check.text += format_text("{}{}", check.text.empty() ? "" : " ", result.text);
    check.figures.emplace_back("answer_" + picture.language, result.text);
    if (result.text == picture.answer) continue;
    check.health = Health::kError;
    check.text += tr(" (expected: {})", " (ожидалось: {})", picture.answer);
    check.hint = tr("answers may be wrong here: report it with the output of oko doctor --json",
                    "ответы здесь могут быть неверны: сообщите, приложив вывод oko doctor --json");
  }
}

void check_real_model(const SelfTestOptions& options, Check& check) {
  const char* name = hub::kDefaultVisionLanguageModel;
  fs::path folder;
  try {
    folder = hub::find_model(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kModelNotFound) throw;
    check.health = Health::kWarning;
    check.text = tr("{}: not here yet", "{}: пока нет", name);
    check.hint = tr("oko pull {}", "oko pull {}", "qwen3-vl-4b");
    return;
  }
  const std::shared_ptr<engine::ModelHost> host = options.make_host();
  engine::Generator generator({.vision_language_model = folder, .host = host});
  constexpr std::int64_t kSmallPicture = 256 * 256;
  const engine::Stopwatch watch;
  const engine::GenerationResult result =
      describe(*host, generator, {.max_tokens = 16, .max_pixels = kSmallPicture},
               *options.data / "images" / "hearts.jpg", options.stop);
  const double speed = result.stats.decode_tokens_per_second();
  check.text = tr("\"{}\", {:.1f} tokens/s, {:.1f} s", "«{}», {:.1f} токена/с, {:.1f} с",
                  result.text, speed, watch.seconds());
  check.figures = {
      {"answer", result.text}, {"tokens_per_second", speed}, {"taken_seconds", watch.seconds()}};
}

}  // namespace

void check_pictures(const SelfTestOptions& options, const CheckSink& sink) {
  const auto check = [&](const char* name, const LocalizedText& title, const auto& function) {
    throw_if_stopped(options.stop);
    run_check(
        {.name = name, .title = title}, [&](Check& each) { function(options, each); }, sink);
  };
  check("pictures", tr("pictures", "картинки"), check_known);
  if (options.real_model) check("real_model", tr("real model", "модель 4B"), check_real_model);
}

}  // namespace oko::tasks
