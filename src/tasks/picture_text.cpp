#include "tasks/picture_text.h"

#include <algorithm>
#include <numeric>

#include "ocr/prompt_block.h"

namespace oko::tasks {
namespace {

/// The reason why sure lines were left out.
struct Limit {
  std::size_t tokens = 0;
  const char* reason = "";
  LocalizedText text;
};

Limit limit_of(const PictureTextOptions& options) {
  const std::size_t room = options.room.tokens;
  if (options.max_tokens && *options.max_tokens <= room) {
    return {*options.max_tokens, "ocr_tokens",
            tr("{} is {}", "{} — {}", Knob{"ocr_tokens"}, *options.max_tokens)};
  }
  if (options.room.is_short_of_memory) {
    return {room, "memory_budget",
            tr("the memory budget has room for {} tokens of text",
               "в бюджете памяти есть место для {:токена|токенов|токенов} текста", Count(room))};
  }
  return {room, "context",
          tr("the model has room for {} tokens of text next to the picture, the question and the "
             "answer",
             "у модели есть место для {:токена|токенов|токенов} текста кроме картинки, вопроса и "
             "ответа",
             Count(room))};
}

void add_left_out(const document::Page& page, const std::vector<std::size_t>& lines,
                  const char* reason, std::vector<LeftOutLine>& list) {
  for (const std::size_t i : lines) {
    list.push_back({page.lines[i].text(), page.lines[i].confidence, reason});
  }
}

LocalizedText note(std::size_t left_out, std::size_t all, const LocalizedText& why) {
  return tr("{} of {} lines of text in the picture are left out of the question: {}",
            "в вопрос не вошли строки текста на картинке, {} из {}: {}", left_out, all, why);
}

}  // namespace

PictureText picture_text(const document::Page& page, const PictureTextOptions& options) {
  PictureText text;
  if (options.only_where_sure && !ocr::has_confident_text(page)) {
    std::vector<std::size_t> all(page.lines.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    add_left_out(page, all, "unsure", text.left_out);
    return text;
  }
  const Limit limit = limit_of(options);
  ocr::PromptBlock block = ocr::prompt_block(page, {.language = options.language,
                                                    .max_tokens = limit.tokens,
                                                    .count_tokens = options.count_tokens});
  text.block = std::move(block.text);
  for (const std::size_t i : block.lines) text.lines.push_back(page.lines[i].text());
  add_left_out(page, block.no_room, limit.reason, text.left_out);
  add_left_out(page, block.unsure, "unsure", text.left_out);
  if (!block.no_room.empty()) {
    text.notes.push_back(note(block.no_room.size(), page.lines.size(), limit.text));
  }
  if (!block.unsure.empty()) {
    text.notes.push_back(note(block.unsure.size(), page.lines.size(),
                              tr("they are hardly readable", "они почти не читаются")));
  }
  return text;
}

PictureText picture_text(const document::Page& page, const TextTaking& taking,
                         const engine::Generator& generator,
                         const engine::GenerationRequest& request) {
  return picture_text(
      page, {.only_where_sure = taking.when == ReadText::kWhereItFits,
             .language = taking.language,
             .max_tokens = taking.max_tokens,
             .room = page.lines.empty() ? engine::TextRoom{} : generator.text_room(request),
             .count_tokens = [&](std::string_view part) { return generator.count_tokens(part); }});
}

}  // namespace oko::tasks
