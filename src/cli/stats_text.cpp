#include "cli/stats_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

/// "0.4 ms", "71 ms", "1.24 s".
std::string duration(double seconds) {
  if (seconds >= 0.9995) return words("{:.2f} s", "{:.2f} с", seconds);
  const int decimals = seconds < 0.00995 ? 1 : 0;
  return words("{} ms", "{} мс", localized_number(fmt::format("{:.{}f}", seconds * 1e3, decimals)));
}

/// "1 token", "8 tokens".
LocalizedText tokens(int count) {
  constexpr const char* kRussian = "{:токен|токена|токенов}";
  return count == 1 ? tr("{} token", kRussian, Count(count))
                    : tr("{} tokens", kRussian, Count(count));
}

/// Without the rate of an answer of one token, which the prefill gives.
std::string answer_line(const engine::GenerationStats& stats) {
  const std::string line = words("answer: {} in {}", "ответ: {} за {}",
                                 tokens(stats.generated_tokens), duration(stats.decode_seconds));
  const double rate = stats.decode_tokens_per_second();
  if (rate <= 0) return line + "\n";
  return line + words(" ({:.1f} tokens/s)\n", " ({:.1f} токена/с)\n", rate);
}

std::string memory_line(const engine::GenerationStats& stats) {
  return words("memory: peak {} (in MLX's buffers {}), {} of it for this answer ({} predicted)\n",
               "память: пик {} (в буферах MLX {}), из них {} на этот ответ (ожидалось {})\n",
               format_bytes(stats.peak_private_bytes), format_bytes(stats.mlx_peak_bytes),
               format_bytes(stats.memory.peak()), format_bytes(stats.predicted_memory.peak()));
}

}  // namespace

std::string cut_off_text(int tokens) {
  constexpr const char* kRussian = "ответ обрезан после {:токена|токенов|токенов} (--max-tokens)";
  return tokens == 1 ? words("the answer was cut off after {} token (--max-tokens)", kRussian,
                             Count(tokens))
                     : words("the answer was cut off after {} tokens (--max-tokens)", kRussian,
                             Count(tokens));
}

std::string describe_stats_text(const engine::GenerationStats& stats,
                                const tasks::PictureStats& picture) {
  return words("picture: decoded in {}, its text read in {}, resized in {}\n",
               "картинка: декодирована за {}, текст прочитан за {}, размер изменён за {}\n",
               duration(picture.decode_seconds), duration(picture.read_seconds),
               duration(stats.preprocess_seconds)) +
         words("model: loaded in {}, vision {} ({})\n", "модель: загружена за {}, зрение {} ({})\n",
               duration(stats.load_seconds), duration(stats.vision_seconds),
               tokens(stats.image_tokens)) +
         words("prompt: {}, prefill {} ({:.1f} tokens/s)\n",
               "запрос: {}, прочитан за {} ({:.1f} токена/с)\n", tokens(stats.prompt_tokens),
               duration(stats.prefill_seconds), stats.prefill_tokens_per_second()) +
         answer_line(stats) + memory_line(stats);
}

std::string chat_stats_text(const engine::GenerationStats& stats,
                            const tasks::PictureStats& picture) {
  std::string text;
  if (picture.decode_seconds > 0) {
    text = words("pictures, before the question: decoded in {}, their text read in {}\n",
                 "картинки, до вопроса: декодированы за {}, текст прочитан за {}\n",
                 duration(picture.decode_seconds), duration(picture.read_seconds));
  }
  return text +
         words("first token {} after the question: resize {}, model {}, vision {}, prefill {}\n",
               "первый токен через {} после вопроса: изменение размера {}, загрузка {}, зрение {}, "
               "чтение {}\n",
               duration(stats.time_to_first_token_seconds), duration(stats.preprocess_seconds),
               duration(stats.load_seconds), duration(stats.vision_seconds),
               duration(stats.prefill_seconds)) +
         words("prompt: {}, {} of them of pictures; {} came from the cache\n",
               "запрос: {}, из них от картинок {}; из кэша взято {}\n", tokens(stats.prompt_tokens),
               stats.image_tokens, stats.cached_tokens) +
         answer_line(stats) + memory_line(stats);
}

std::string embed_stats_text(const tasks::EmbedTextsStats& stats) {
  const engine::EmbeddingStats& total = stats.total;
  return words("texts: {}, tokens: {}\n", "текстов: {}, токенов: {}\n", stats.texts, total.tokens) +
         words("model loaded in {}, tokens made in {}, vectors in {} ({} tokens/s)\n",
               "модель загружена за {}, разбиение на токены {}, векторы {} "
               "({:токен|токена|токенов}/с)\n",
               duration(total.load_seconds), duration(total.tokenize_seconds),
               duration(total.encode_seconds),
               Count(static_cast<double>(total.tokens) / std::max(1e-9, total.encode_seconds))) +
         words("memory: peak {} (in MLX's buffers {}), the largest pass added {} ({} predicted)\n",
               "память: пик {} (в буферах MLX {}), самый большой проход добавил {} "
               "(ожидалось {})\n",
               format_bytes(total.peak_private_bytes), format_bytes(total.mlx_peak_bytes),
               format_bytes(total.memory), format_bytes(total.predicted_memory));
}

}  // namespace oko::cli
