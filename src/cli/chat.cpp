#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/file_failure.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "cli/align_model.h"
#include "cli/answer_json.h"
#include "cli/chat_history.h"
#include "cli/chat_input.h"
#include "cli/chat_line.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/find_model.h"
#include "cli/generation_options.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/stats_text.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/generator.h"
#include "engine/reductions.h"
#include "tasks/conversation.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;

/// 6,000 tokens of a 4B model, if the budget has room for them.
constexpr std::size_t kPrefixCacheBytes = 1'000'000'000;

struct ChatOptions {
  CommonOptions common;
  GenerationOptions generation;
  std::vector<std::string> images;
  std::string system;
  bool no_history = false;
  bool json = false;
};

std::string commands_text() {
  return words(
      "/image FILE        add a picture, a folder or an address to the next question\n"
      "/ocr on|off|auto   whether the text in the next pictures is read and told to the model\n"
      "/clear             forget the conversation and its pictures\n"
      "/stats             times, tokens and memory of the last answer\n"
      "/help              this list\n"
      "/quit, /exit       leave; Ctrl-D does, too\n"
      "//TEXT             ask a question that begins with /\n"
      "Ctrl-C             stop the answer\n",
      "/image ФАЙЛ        добавить картинку, папку или адрес к следующему вопросу\n"
      "/ocr on|off|auto   читать ли текст на следующих картинках и давать его модели\n"
      "/clear             забыть разговор и его картинки\n"
      "/stats             время, токены и память последнего ответа\n"
      "/help              этот список\n"
      "/quit, /exit       выйти; Ctrl-D — тоже\n"
      "//ТЕКСТ            задать вопрос, который начинается с /\n"
      "Ctrl-C             остановить ответ\n");
}

/// Standard input has the questions of a chat, and no pictures.
Error with_hint_of_chats(const Error& error) {
  if (error.hint() != hint_of_pipes()) return error;
  return {error.code(), error.message(),
          tr("copy what a pipe gives into a file", "сохраните содержимое канала в файл")};
}

/// A conversation with its user: lines in, answers out.
class Chat {
 public:
  Chat(const ChatOptions& options, tasks::Conversation& conversation, Interrupt& interrupt,
       ChatInput& input)
      : options_(options), conversation_(conversation), interrupt_(interrupt), input_(input) {}

  /// Adds a picture, those of a folder, or that of an address. Throws the error of the first that
  /// fails.
  void add_pictures(const std::string& argument);

  /// Runs until the end of the input or /quit. If the input is no terminal, throws the first error
  /// of a turn at the end.
  void run();

 private:
  bool obey(const std::string& text);
  void add_picture(const std::string& path, const std::string& name);
  void try_to_add_pictures(const std::string& argument);
  void set_ocr(const std::string& when);
  void answer(const ChatLine& line);
  void print_answer(const ChatLine& line, const tasks::Answer& answer);
  void print_notes(const tasks::Answer& answer);
  void print_reductions(const std::vector<engine::Reduction>& reductions);
  void print_json_answer(const ChatLine& asked, const tasks::Answer& answer) const;
  void print_stats() const;
  void on_interrupt(const std::string& left);
  void fail(const Error& error, const LocalizedText& hint, ordered_json record);

  void note(const LocalizedText& text) const {
    if (!options_.common.quiet) say_note(text);
  }
  /// Confirms a command at a terminal.
  void confirm(const std::string& text) const {
    if (input_.is_terminal()) note(text);
  }
  /// Prints text for the user: on stderr if JSON has stdout.
  void show(const std::string& text) const { options_.json ? say(text) : print(text); }

  const ChatOptions& options_;
  tasks::Conversation& conversation_;
  Interrupt& interrupt_;
  ChatInput& input_;
  std::string ocr_ = options_.generation.ocr;
  std::optional<tasks::Answer> last_;
  std::vector<LocalizedText> said_reductions_;
  std::optional<ErrorCode> first_error_;
  bool was_interrupted_ = false;  ///< by the last key at the prompt
};

void Chat::run() {
  confirm(words("/help lists the commands, Ctrl-D ends the chat",
                "/help покажет команды, Ctrl-D закончит разговор"));
  while (true) {
    const TypedLine line = input_.next();
    if (line.kind == TypedLine::Kind::kInterrupted) {
      on_interrupt(line.text);
      continue;
    }
    was_interrupted_ = false;
    if (line.kind == TypedLine::Kind::kEnd && input_.is_terminal()) print("\n");
    if (line.kind == TypedLine::Kind::kEnd || !obey(line.text)) break;
  }
  if (!first_error_ || input_.is_terminal()) return;
  throw Error(*first_error_, tr("not every line was answered", "ответ дан не на каждую строку"));
}

/// Drops the line.
void Chat::on_interrupt(const std::string& left) {
  print("^C\n");
  const bool again = left.empty() && was_interrupted_;
  was_interrupted_ = left.empty();
  if (again) say_note(words("/quit or Ctrl-D ends the chat", "/quit или Ctrl-D закончит разговор"));
}

/// Runs a command or asks a question. Returns false if the chat ends.
bool Chat::obey(const std::string& text) {
  const ChatLine line = parse_chat_line(text);
  if (!line.is_plain_utf8) {
    note(words("the line is not UTF-8: the model may misunderstand it",
               "строка не в UTF-8: модель может понять её неверно"));
  }
  switch (line.command) {
    case ChatCommand::kNothing:
      break;
    case ChatCommand::kAsk:
      answer(line);
      break;
    case ChatCommand::kImage:
      try_to_add_pictures(line.argument);
      break;
    case ChatCommand::kOcr:
      set_ocr(line.argument);
      break;
    case ChatCommand::kClear:
      conversation_.clear();
      confirm(words("the conversation and its pictures are forgotten",
                    "разговор и его картинки забыты"));
      break;
    case ChatCommand::kStats:
      print_stats();
      break;
    case ChatCommand::kHelp:
      show(commands_text());
      break;
    case ChatCommand::kQuit:
      return false;
    case ChatCommand::kUnknown:
      fail(Error(ErrorCode::kUsage, tr("no command {}", "нет команды {}", line.argument)),
           line.meant.empty()
               ? tr("/help lists the commands; // begins a question with /",
                    "/help покажет команды; вопрос, который начинается с /, начните с //")
               : tr("did you mean {}?", "может быть, {}?", line.meant),
           {{"question", line.argument}});
      break;
  }
  return true;
}

/// Prints an error, in JSON also `record` with it; in a pipe the status of the first one is that of
/// the chat.
void Chat::fail(const Error& error, const LocalizedText& hint, ordered_json record) {
  if (options_.json) {
    record["error"] = error_json({error.code(), error.message(), hint});
    print_json(record);
  }
  say_note(error.message());
  say_hint(hint);
  if (!first_error_) first_error_ = error.code();
}

void Chat::add_pictures(const std::string& argument) {
  if (argument == "-") return add_picture(argument, argument);  // standard input has the questions
  const Inputs input({argument}, options_.common.quiet, interrupt_.turn());
  if (input.paths().empty()) throw input.failed().front().error;
  for (const std::string& path : input.paths()) {
    try {
      add_picture(path, input.name_of(path));
    } catch (const Error& error) {
      throw Failures::of_file(with_hint_of_chats(input.named(error, path)), input.name_of(path));
    }
  }
}

void Chat::add_picture(const std::string& path, const std::string& name) {
  const tasks::AddedPicture added = conversation_.add_picture(path, name, interrupt_.turn());
  const auto about = [&](const LocalizedText& text) { note(format_text("{}: {}", name, text)); };
  confirm(words("{}: {} x {} pixels, for the next question",
                "{}: {} x {} пикселей, для следующего вопроса", name, added.width, added.height));
  if (!added.unread.empty()) about(tasks::unread_text(added.unread));
  if (!added.shrinking.empty()) about(added.shrinking);
  if (added.pages > 1) {
    about(tr("only page 1 of {} is used; oko ocr reads all",
             "видна страница 1 из {}; oko ocr читает все", added.pages));
  }
}

void Chat::try_to_add_pictures(const std::string& argument) {
  const std::string path = chat_path(argument);
  if (path.empty()) {
    return fail(Error(ErrorCode::kUsage, tr("/image is given no file", "у /image нет файла")),
                tr("/image photo.jpg", "/image фото.jpg"), {{"question", "/image"}});
  }
  if (path.find('\0') != std::string::npos) {
    return fail(Error(ErrorCode::kUsage, tr("/image is given a name with a NUL",
                                            "у /image в имени файла есть нулевой байт")),
                tr("write the lines in UTF-8", "пишите строки в UTF-8"), {{"file", path}});
  }
  try {
    add_pictures(path);
  } catch (const Error& error) {
    throw_if_stopped(interrupt_.token());
    if (error.code() == ErrorCode::kCancelled) {
      return say_note(
          words("stopped: the picture is not added", "остановлено: картинка не добавлена"));
    }
    if (error.code() == ErrorCode::kBadModel) throw;
    const bool has_hint = error.code() != ErrorCode::kOverBudget || !error.hint().empty();
    fail(error,
         has_hint ? error.hint()
                  : tr("/clear forgets the conversation and its pictures; or raise --budget",
                       "/clear забудет разговор и его картинки; или увеличьте --budget"),
         {{"file", path}});
  }
}

void Chat::set_ocr(const std::string& when) {
  if (when.empty()) {
    return show(words("/ocr is {}\n", "/ocr сейчас {}\n", ocr_));
  }
  if (when != "on" && when != "off" && when != "auto") {
    return fail(Error(ErrorCode::kUsage, tr("/ocr is given {}", "у /ocr указано {}", when)),
                tr("expected on, off or auto", "ожидается on, off или auto"),
                {{"question", "/ocr " + when}});
  }
  conversation_.set_read_text(when_to_read(when));
  ocr_ = when;
  confirm(words("text in the next pictures: {}", "текст на следующих картинках: {}", when));
}

void Chat::answer(const ChatLine& line) {
  const std::string& question = line.argument;
  const StopToken stop = interrupt_.turn();
  ProgressBar progress(words("looking", "смотрю"), options_.common.quiet);
  const auto on_text = [&](std::string_view piece) {
    progress.clear();
    if (!options_.json) print(printable(piece));
  };
  try {
    tasks::Answer answer =
        conversation_.ask(question, on_text, stop, [&](double done) { progress.update(done); });
    progress.clear();
    throw_if_stopped(interrupt_.token());
    print_answer(line, answer);
    last_ = std::move(answer);
  } catch (const Error& error) {
    progress.clear();
    if (!Failures::is_of_one_file(error)) throw;
    const std::size_t turns = conversation_.turns();
    LocalizedText hint = error.hint();
    if (turns > 0) {
      if (!hint.empty()) hint += tr("; or ", "; или ");
      hint += tr("/clear, which forgets the conversation (turns: {})",
                 "/clear: разговор забудется ({:вопрос с ответом|вопроса с ответами|вопросов с "
                 "ответами})",
                 Count(turns));
    }
    fail(error, hint, {{"question", question}});
    note(words("the question and the pictures with it are not part of the conversation",
               "вопрос и картинки с ним в разговор не вошли"));
  }
}

void Chat::print_answer(const ChatLine& line, const tasks::Answer& answer) {
  if (options_.json) {
    print_json_answer(line, answer);
  } else if (!answer.text.empty() || answer.result) {
    print("\n");
  }
  print_notes(answer);
  if (!answer.result) {
    return note(answer.text.empty() ? words("stopped: the question is not part of the conversation",
                                            "остановлено: вопрос в разговор не вошёл")
                                    : words("stopped: the partial answer stays in the conversation",
                                            "остановлено: написанное остаётся в разговоре"));
  }
  print_reductions(answer.result->reductions);
  if (answer.result->finish_reason != engine::FinishReason::kLength) return;
  const int tokens = answer.result->stats.generated_tokens;
  if (tokens < conversation_.options().max_tokens) {
    note(words(
        "the answer was cut off: the conversation fills the model's context; /clear forgets it",
        "ответ обрезан: разговор занял весь контекст модели; /clear его забудет"));
  } else {
    note(cut_off_text(tokens));
  }
}

void Chat::print_notes(const tasks::Answer& answer) {
  for (const tasks::PictureText& text : answer.picture_texts) {
    for (const LocalizedText& each : text.notes) note(each);
  }
}

/// Prints the reductions, except those of the answer before.
void Chat::print_reductions(const std::vector<engine::Reduction>& reductions) {
  std::vector<LocalizedText> texts;
  std::transform(reductions.begin(), reductions.end(), std::back_inserter(texts),
                 [](const engine::Reduction& each) { return engine::text_of(each); });
  for (const LocalizedText& text : texts) {
    const bool is_new =
        std::find(said_reductions_.begin(), said_reductions_.end(), text) == said_reductions_.end();
    if (is_new) note(text);
  }
  said_reductions_ = std::move(texts);
}

void Chat::print_json_answer(const ChatLine& asked, const tasks::Answer& answer) const {
  ordered_json line{{"question", asked.argument}, {"model", options_.generation.model}};
  if (!asked.is_plain_utf8) line["not_utf8"] = true;
  if (!answer.pictures.empty()) line["files"] = answer.pictures;
  line["text"] = answer.text;
  line["finish_reason"] = answer.result ? engine::name_of(answer.result->finish_reason) : "stopped";
  for (const tasks::PictureText& text : answer.picture_texts) add_text(text, line);
  if (answer.result) {
    if (!answer.result->reductions.empty()) {
      line["reductions"] = reductions_json(answer.result->reductions);
    }
    line["stats"] = stats_json(answer.result->stats, answer.picture_stats);
    line["stats"]["cached_tokens"] = answer.result->stats.cached_tokens;
  }
  print_json(line);
}

void Chat::print_stats() const {
  if (!last_ || !last_->result) {
    return show(words("there is no complete answer yet\n", "целого ответа ещё нет\n"));
  }
  show(chat_stats_text(last_->result->stats, last_->picture_stats));
}

std::filesystem::path history_file(const ChatOptions& options) {
  return options.no_history ? std::filesystem::path() : oko_home() / "chat_history";
}

void chat(const ChatOptions& options) {
  Interrupt interrupt(Interrupt::kPatience, ChatInput::ctrl_c());
  const std::filesystem::path model =
      find_or_pull_model(options.generation.model, options.common, interrupt.token());
  const auto host = make_host(options.common, options.generation.threads);
  require_space_of_model(options.generation, model);
  engine::Generator generator(
      {.vision_language_model = model,
       .prefix_cache_bytes = kPrefixCacheBytes,
       .prepare_weights = [&] { align_model(model, options.common, interrupt.token()); },
       .host = host});
  tasks::Conversation conversation(*host, generator,
                                   {.system = options.system,
                                    .language = language_of(options.generation),
                                    .read_text = when_to_read(options.generation.ocr),
                                    .max_tokens = options.generation.max_tokens,
                                    .kv_bits = options.generation.kv_bits,
                                    .max_pixels = options.generation.max_pixels,
                                    .temperature = options.generation.temperature,
                                    .seed = options.generation.seed});
  ChatInput input(interrupt, ChatHistory(history_file(options)));
  Chat chat(options, conversation, interrupt, input);
  interrupt.begin_turn();
  try {
    for (const std::string& image : options.images) chat.add_pictures(image);
    chat.run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled || !conversation.is_reading()) throw;
    say_last_note(error.message());
    end_at_once(stop_status());
  }
  if (conversation.is_reading()) end_at_once(0);
}

}  // namespace

void add_chat(Command& program) {
  auto options = std::make_shared<ChatOptions>();
  Command& command =
      program.add_command("chat", words("Answers questions about pictures, one after the other.",
                                        "Отвечает на вопросы о картинках, один за другим."));
  command.set_footer(commands_text() + "\n" +
                     words("Examples:\n  oko chat photo.jpg\n"
                           "  oko chat photo.jpg --system \"Answer in one word.\"\n"
                           "  echo \"What is this?\" | oko chat photo.jpg",
                           "Примеры:\n  oko chat photo.jpg\n"
                           "  oko chat photo.jpg --system \"Отвечай одним словом.\"\n"
                           "  echo \"Что это?\" | oko chat photo.jpg"));
  command.add_argument("IMAGE", &options->images,
                       words("pictures, PDFs (their first pages), folders of them, or https "
                             "addresses, for the first question; one question without a chat: "
                             "oko describe -p",
                             "картинки, PDF (их первые страницы), папки с ними или адреса https — "
                             "для первого вопроса; один вопрос без разговора: oko describe -p"));
  command.add_option("--system", &options->system,
                     words("instruction for the model before the conversation",
                           "указание модели перед разговором"));
  for (const char* name : {"-p", "--prompt"}) command.suggest(name, "oko describe --prompt");
  add_generation_options(
      command, options->generation,
      words("language in which the model is told about text in pictures [default: that of LANG]",
            "на каком языке сообщать модели о тексте на картинках [по умолчанию: как в LANG]"));
  command.add_flag("--no-history", &options->no_history,
                   words("do not read or write the lines of earlier chats",
                         "не читать и не записывать строки прежних разговоров"));
  command.add_flag(
      "-j,--json", &options->json,
      words("print one JSON object per answer", "напечатать по объекту JSON на ответ"));
  add_common_options(command, options->common);
  command.on_run([options] { chat(*options); });
}

}  // namespace oko::cli
