#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace oko::grammar {

/// Limit of the memory of one grammar, with that to compile it: twice what was measured.
inline constexpr std::uint64_t kMostGrammarBytes = 64 * 1024 * 1024;

/// The form of an answer, compiled for the tokens of one model. Immutable: any number of answers
/// may share one.
class Grammar {
 public:
  struct Compiled;
  explicit Grammar(std::unique_ptr<const Compiled> compiled);
  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  const Compiled& compiled() const { return *compiled_; }
  std::size_t bytes() const;  ///< of memory

 private:
  std::unique_ptr<const Compiled> compiled_;
};

/// A function that an answer may call.
struct Function {
  std::string name;       ///< letters, digits, "_", "-", "."
  std::string arguments;  ///< the JSON schema of an object
  std::string place;      ///< of the schema, for messages
  /// False: if oko does not support the schema, the arguments are any object.
  bool is_strict = false;
};

/// The tokens of a model, sorted once so that grammars can be compiled for them. Added tokens and
/// those with control characters other than a line feed never match. Any thread may call.
class Vocabulary {
 public:
  /// Takes about a second for 150,000 tokens. `end_tokens`: one of them ends an answer.
  Vocabulary(const text::Tokenizer& tokenizer, std::span<const std::int32_t> end_tokens);
  ~Vocabulary();
  /// The memory that one with `tokens` takes, with parts of grammars that it keeps.
  static std::uint64_t bytes(std::size_t tokens);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  /// JSON that is valid against `schema` (checked_schema), as one line or indented. Throws kUsage;
  /// `name`: of the schema, for messages.
  std::shared_ptr<const Grammar> json(std::string_view schema, const std::string& name) const;

  /// The call of one of `functions`, as Qwen's models write it between <tool_call> and
  /// </tool_call>, which is `end_token`: {"name": "...", "arguments": {...}} in lines of its own.
  /// Throws kUsage.
  std::shared_ptr<const Grammar> calls(const std::vector<Function>& functions,
                                       std::int32_t end_token) const;

 private:
  struct Compiler;
  std::unique_ptr<Compiler> compiler_;
};

/// The state of one answer in its grammar.
class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const Grammar> grammar);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  /// Makes the logits of tokens that cannot come next -infinity. At the end of the grammar only end
  /// tokens are left. Throws kFailed if there is no token left.
  void mask(std::span<float> logits);

  /// `id` comes next. Throws kFailed if the last mask did not allow it.
  void accept(std::int32_t id);

  bool has_ended() const;  ///< by an end token

 private:
  struct State;
  void exclude_ill_formed();

  std::shared_ptr<const Grammar> grammar_;
  std::unique_ptr<State> state_;
};

}  // namespace oko::grammar
