#include "grammar/grammar.h"

#include <xgrammar/compiler.h>
#include <xgrammar/matcher.h>

#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "grammar/json_schema.h"
#include "text/utf8.h"

// xgrammar is compiled with XGRAMMAR_LOG_CUSTOMIZE: it calls these two.
namespace xgrammar {
namespace {

constexpr int kWarning = 2;

/// What it warned of: parts of a schema that it would ignore. Null: nobody asks.
thread_local std::optional<std::string>* warning = nullptr;

}  // namespace

[[noreturn]] void LogFatalImpl(const std::string& /*file*/, int /*line*/,
                               const std::string& message) {
  throw XGrammarError(message);
}

void LogMessageImpl(const std::string& /*file*/, int /*line*/, int level,
                    const std::string& message) {
  if (level == kWarning && warning != nullptr && !*warning) *warning = message;
}

}  // namespace xgrammar

namespace oko::grammar {
namespace {

constexpr int kMostSpaces = 24;  // in a row: a line break and an indentation
/// xgrammar keeps rules, which make the next grammars faster, in two thirds of this.
constexpr std::int64_t kCacheBytes = 24 * 1024 * 1024;

/// Where an unfinished character at the end of `bytes` begins; nothing if they are no part of
/// UTF-8.
std::optional<std::size_t> unfinished_at(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const text::Utf8Step step = text::next_utf8(bytes, at);
    if (step.kind == text::Utf8Step::Kind::kTruncated) return at;
    if (step.kind == text::Utf8Step::Kind::kInvalid) return std::nullopt;
    at += step.length;
  }
  return bytes.size();
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// The bytes of a token, empty if grammars shall not see it.
std::string bytes_of(const text::Tokenizer& tokenizer, std::int32_t id) {
  const std::string_view bytes = tokenizer.token_bytes(id);
  const bool is_control = std::ranges::any_of(
      bytes, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
  if (is_control || tokenizer.special_token(bytes) == id) return {};
  // It may begin inside of a character.
  const auto begin = std::ranges::find_if_not(bytes, is_continuation) - bytes.begin();
  if (!unfinished_at(bytes.substr(static_cast<std::size_t>(begin)))) return {};
  return std::string(bytes);
}

xgrammar::TokenizerInfo info_of(const text::Tokenizer& tokenizer,
                                std::span<const std::int32_t> end_tokens) {
  std::vector<std::string> tokens;
  tokens.reserve(static_cast<std::size_t>(tokenizer.vocab_size()));
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    tokens.push_back(bytes_of(tokenizer, id));
  }
  return {tokens, xgrammar::VocabType::RAW, std::nullopt,
          std::vector<std::int32_t>(end_tokens.begin(), end_tokens.end())};
}

/// Collects what xgrammar warns of on this thread.
class Warnings {
 public:
  Warnings() { xgrammar::warning = &first_; }
  ~Warnings() { xgrammar::warning = nullptr; }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  const std::optional<std::string>& first() const { return first_; }

 private:
  std::optional<std::string> first_;
};

/// How an answer may be written.
enum class Spacing {
  kAny,     ///< as one line or indented
  kPython,  ///< as json.dumps writes it, in which models have learnt to call functions
};

[[noreturn]] void refuse(const std::string& name, const std::string& reason) {
  throw Error(ErrorCode::kUsage,
              tr("{} is not supported: {}", "{} не поддерживается: {}", name, reason));
}

xgrammar::Grammar grammar_of(const std::string& schema, const std::string& name, Spacing spacing) {
  const Warnings warnings;
  std::string reason;
  try {
    xgrammar::Grammar grammar = xgrammar::Grammar::FromJSONSchema(
        schema, /*any_whitespace=*/spacing == Spacing::kAny, std::nullopt, std::nullopt,
        /*strict_mode=*/true, kMostSpaces);
    if (!warnings.first()) return grammar;
    reason = *warnings.first();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    reason = error.what();
  }
  refuse(name, reason);
}

xgrammar::CompiledGrammar compile(xgrammar::GrammarCompiler& compiler,
                                  const xgrammar::Grammar& grammar, const std::string& name) {
  try {
    return compiler.CompileGrammar(grammar);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    refuse(name, error.what());
  }
}

/// A grammar of one text, in which quotes and line feeds are escaped.
xgrammar::Grammar literal(const std::string& text) {
  return xgrammar::Grammar::FromEBNF("root ::= \"" + text + "\"");
}

/// `cost`: of the functions before, and of this one afterwards.
xgrammar::Grammar arguments_of(const Function& function, PatternCost& cost) {
  try {
    PatternCost with_this = cost;
    const std::string schema = checked_schema(function.arguments, function.place, with_this);
    xgrammar::Grammar grammar = grammar_of(schema, function.place, Spacing::kPython);
    cost = std::move(with_this);
    return grammar;
  } catch (const Error&) {
    if (function.is_strict) throw;
  }
  return grammar_of(checked_schema(R"({"type":"object"})", function.place, cost), function.place,
                    Spacing::kPython);
}

}  // namespace

struct Grammar::Compiled {
  xgrammar::CompiledGrammar grammar;
  std::optional<std::vector<std::int32_t>> end_tokens;  ///< none: those of the vocabulary
};

Grammar::Grammar(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Grammar::~Grammar() = default;

std::size_t Grammar::bytes() const {
  return compiled_->grammar.MemorySizeBytes();
}

struct Vocabulary::Compiler {
  mutable xgrammar::GrammarCompiler grammars;
};

Vocabulary::Vocabulary(const text::Tokenizer& tokenizer, std::span<const std::int32_t> end_tokens)
    : compiler_(new Compiler{xgrammar::GrammarCompiler(info_of(tokenizer, end_tokens),
                                                       /*max_threads=*/1, /*cache_enabled=*/true,
                                                       kCacheBytes)}) {}
Vocabulary::~Vocabulary() = default;

std::uint64_t Vocabulary::bytes(std::size_t tokens) {
  constexpr std::uint64_t kBytesOfToken = 150;  // measured: two strings, an index, a range
  return tokens * kBytesOfToken + static_cast<std::uint64_t>(kCacheBytes);
}

std::shared_ptr<const Grammar> Vocabulary::json(std::string_view schema,
                                                const std::string& name) const {
  PatternCost cost;
  const xgrammar::Grammar grammar =
      grammar_of(checked_schema(schema, name, cost), name, Spacing::kAny);
  return std::make_shared<const Grammar>(std::make_unique<const Grammar::Compiled>(
      compile(compiler_->grammars, grammar, name), std::nullopt));
}

std::shared_ptr<const Grammar> Vocabulary::calls(const std::vector<Function>& functions,
                                                 std::int32_t end_token) const {
  PatternCost cost;
  std::vector<xgrammar::Grammar> calls;
  calls.reserve(functions.size());
  for (const Function& function : functions) {
    calls.push_back(xgrammar::Grammar::Concat(
        {literal(R"(\n{\"name\": \")" + function.name + R"(\", \"arguments\": )"),
         arguments_of(function, cost), literal(R"(}\n)")}));
  }
  return std::make_shared<const Grammar>(std::make_unique<const Grammar::Compiled>(
      compile(compiler_->grammars, xgrammar::Grammar::Union(calls), "tools"),
      std::vector<std::int32_t>{end_token}));
}

struct Matcher::State {
  xgrammar::GrammarMatcher matcher;
  std::vector<std::int32_t> allowed;  ///< a bit a token
  std::string unfinished = {};        ///< the beginning of a character
};

Matcher::Matcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)),
      state_(new State{
          xgrammar::GrammarMatcher(grammar_->compiled().grammar, grammar_->compiled().end_tokens),
          {}}) {
  const int tokens = grammar_->compiled().grammar.GetTokenizerInfo().GetVocabSize();
  state_->allowed.resize(static_cast<std::size_t>(xgrammar::GetBitmaskSize(tokens)));
}
Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

void Matcher::mask(std::span<float> logits) {
  constexpr float kExcluded = -std::numeric_limits<float>::infinity();
  std::vector<std::int32_t>& allowed = state_->allowed;
  auto size = static_cast<std::int64_t>(allowed.size());
  DLTensor bits{.data = allowed.data(),
                .device = {kDLCPU, 0},
                .ndim = 1,
                .dtype = xgrammar::GetBitmaskDLType(),
                .shape = &size,
                .strides = nullptr,
                .byte_offset = 0};
  if (!state_->matcher.FillNextTokenBitmask(&bits)) std::ranges::fill(allowed, -1);
  if (!state_->unfinished.empty()) exclude_ill_formed();
  for (std::size_t word = 0; word < allowed.size(); ++word) {
    const auto mask = static_cast<std::uint32_t>(allowed[word]);
    const std::size_t first = word * 32;
    if (mask == 0xFFFFFFFF || first >= logits.size()) continue;
    const std::span<float> part =
        logits.subspan(first, std::min<std::size_t>(32, logits.size() - first));
    if (mask == 0) {
      std::ranges::fill(part, kExcluded);
      continue;
    }
    for (std::size_t bit = 0; bit < part.size(); ++bit) {
      if ((mask >> bit & 1) == 0) part[bit] = kExcluded;
    }
  }
  // The last bits stand for no token.
  const auto tokens =
      static_cast<std::size_t>(grammar_->compiled().grammar.GetTokenizerInfo().GetVocabSize());
  std::ranges::fill(logits.subspan(std::min(logits.size(), tokens)), kExcluded);
  if (std::ranges::all_of(logits, [](float logit) { return logit == kExcluded; })) {
    throw Error(ErrorCode::kFailed, tr("no token continues the answer in the requested format",
                                       "ни один токен не продолжает ответ в заданном формате"));
  }
}

/// xgrammar takes bytes for characters that UTF-8 does not have: surrogates, for one.
void Matcher::exclude_ill_formed() {
  const xgrammar::TokenizerInfo info = grammar_->compiled().grammar.GetTokenizerInfo();
  const auto& tokens = info.GetDecodedVocab();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    auto& word = state_->allowed[id / 32];
    const auto bit = static_cast<std::int32_t>(1u << id % 32);
    if ((word & bit) != 0 && !unfinished_at(state_->unfinished + tokens[id])) word &= ~bit;
  }
}

void Matcher::accept(std::int32_t id) {
  if (!state_->matcher.AcceptToken(id)) {
    throw Error(ErrorCode::kFailed, tr("token {} does not continue the answer's format",
                                       "токен {} не продолжает формат ответа", id));
  }
  if (has_ended()) return;
  std::string& unfinished = state_->unfinished;
  unfinished += grammar_->compiled().grammar.GetTokenizerInfo().GetDecodedVocab().at(
      static_cast<std::size_t>(id));
  unfinished.erase(0, unfinished_at(unfinished).value_or(unfinished.size()));
}

bool Matcher::has_ended() const {
  return state_->matcher.IsTerminated();
}

}  // namespace oko::grammar
