#include "checkpoint/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_bytes.h"

namespace oko::checkpoint {
namespace {

constexpr std::size_t kMaxValues = std::size_t{1} << 22;
constexpr std::size_t kMaxStack = std::size_t{1} << 20;
constexpr std::size_t kMaxMarks = 1000;
constexpr int kMaxPickleNesting = 64;
constexpr std::uint64_t kMaxText = 1'000'000;  // bytes
constexpr std::uint64_t kMaxGlobal = 255;      // bytes of a module, and of a name

constexpr std::string_view kOrderedDict = "collections OrderedDict";

enum Opcode : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobalLine = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kEmptyList = ']',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kEmptyDict = '}',
  kBinFloat = 'G',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

/// The opcodes that are refused, for messages.
constexpr std::pair<std::uint8_t, std::string_view> kRefused[] = {
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'L', "LONG"},
    {'P', "PERSID"},
    {'S', "STRING"},
    {'V', "UNICODE"},
    {'d', "DICT"},
    {'g', "GET"},
    {'i', "INST"},
    {'l', "LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {'B', "BINBYTES"},
    {'C', "SHORT_BINBYTES"},
    {0x81, "NEWOBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x8b, "LONG4"},
    {0x8d, "BINUNICODE8"},
    {0x8e, "BINBYTES8"},
    {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},
    {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
};

LocalizedText safety_hint() {
  return tr(
      "nothing of it was run; take the model as safetensors, and open this file in Python "
      "only if you trust who made it",
      "ничего из него не выполнено; возьмите модель в формате safetensors, а этот файл "
      "открывайте в Python, только если доверяете его автору");
}

}  // namespace

std::span<const std::uint32_t> Pickle::items(const PickleValue& value) const {
  switch (value.kind) {
    case PickleKind::kTuple:
    case PickleKind::kCall:
    case PickleKind::kReference:
      return std::span(fixed_items_).subspan(static_cast<std::size_t>(value.number), value.count);
    case PickleKind::kList:
    case PickleKind::kDict:
      return growing_items_[static_cast<std::size_t>(value.number)];
    default:
      return {};
  }
}

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                std::string_view name)
      : input_(bytes, name, "data.pkl"), globals_(globals), name_(name) {}

  Pickle run();

 private:
  using Number = std::uint32_t;

  [[noreturn]] void fail(const LocalizedText& what, const LocalizedText& hint = {}) const {
    fail_checkpoint(name_, tr("data.pkl, byte {}: {}", "data.pkl, байт {}: {}", at_, what), hint);
  }
  [[noreturn]] void refuse(std::uint8_t opcode) const;

  // Each runs the opcode if it belongs to its group.
  bool run_literal(std::uint8_t opcode);
  bool run_memo(std::uint8_t opcode);
  bool run_container(std::uint8_t opcode);
  bool run_object(std::uint8_t opcode);

  void push(Number value);
  void push_new(PickleValue value);
  void push_integer(std::int64_t number);
  void push_text(std::uint64_t size);
  void push_long();
  void push_growing(PickleKind kind);
  void push_global(std::string_view module, std::string_view function);

  /// Position in the stack of the last `count` values, which must lie above the last mark.
  std::size_t last(std::size_t count) const;
  Number pop();
  PickleValue& top();
  /// Takes the mark; its items are those of the stack from the position returned.
  std::size_t pop_mark();

  void remember(std::uint64_t index);
  void recall(std::uint64_t index);
  void make_tuple(std::size_t first);
  void extend(PickleKind kind, std::size_t first);
  void call();
  void refer();

  Pickle pickle_;
  std::vector<Number> stack_;
  std::vector<std::size_t> marks_;  // positions in stack_
  std::vector<Number> memo_;
  ByteCursor input_;
  std::span<const std::string_view> globals_;
  std::string_view name_;
  std::uint64_t at_ = 0;  // of the opcode that runs
};

void PickleMachine::refuse(std::uint8_t opcode) const {
  const auto* known =
      std::ranges::find(kRefused, opcode, [](const auto& entry) { return entry.first; });
  const std::string shown_name = known != std::end(kRefused)
                                     ? fmt::format("{} (0x{:02x})", known->second, opcode)
                                     : fmt::format("0x{:02x}", opcode);
  fail(tr("opcode {} does not occur in state dicts",
          "код операции {} в словарях весов не встречается", shown_name),
       safety_hint());
}

void PickleMachine::push(Number value) {
  if (stack_.size() >= kMaxStack) {
    fail(tr("more than {} values on the stack", "в стеке больше {} значений", kMaxStack));
  }
  stack_.push_back(value);
}

void PickleMachine::push_new(PickleValue value) {
  if (pickle_.values_.size() >= kMaxValues) {
    fail(tr("more than {} values", "больше {} значений", kMaxValues));
  }
  pickle_.values_.push_back(value);
  push(static_cast<Number>(pickle_.values_.size() - 1));
}

void PickleMachine::push_integer(std::int64_t number) {
  push_new({.kind = PickleKind::kInteger, .number = number});
}

void PickleMachine::push_text(std::uint64_t size) {
  if (size > kMaxText) {
    fail(tr("a text of {} bytes, the limit is {}", "текст из {:байта|байт|байт}, предел — {}",
            Count(size), kMaxText));
  }
  push_new({.kind = PickleKind::kText, .text = input_.text(size)});
}

/// Two's complement, little-endian, of any length.
void PickleMachine::push_long() {
  const auto size = static_cast<int>(input_.number(1));
  if (size > 8) {
    input_.take(static_cast<std::uint64_t>(size));
    push_new({});
    return;
  }
  std::uint64_t bits = input_.number(size);
  if (size > 0 && size < 8 && (bits >> (8 * size - 1)) != 0) bits |= ~std::uint64_t{0} << 8 * size;
  push_integer(static_cast<std::int64_t>(bits));
}

void PickleMachine::push_growing(PickleKind kind) {
  push_new({.kind = kind, .number = static_cast<std::int64_t>(pickle_.growing_items_.size())});
  pickle_.growing_items_.emplace_back();
}

void PickleMachine::push_global(std::string_view module, std::string_view function) {
  const std::string full = fmt::format("{} {}", module, function);
  if (full == kOrderedDict) return push_new({.kind = PickleKind::kGlobal, .text = kOrderedDict});
  const auto known = std::find(globals_.begin(), globals_.end(), full);
  if (known == globals_.end()) {
    fail(tr("asks for {}.{}: oko reads only tensors from a checkpoint",
            "требует {}.{}: из файла весов oko читает только тензоры", excerpt(module),
            excerpt(function)),
         safety_hint());
  }
  push_new({.kind = PickleKind::kGlobal, .text = *known});
}

std::size_t PickleMachine::last(std::size_t count) const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - floor < count) {
    fail(tr("takes a value that is not there", "берёт значение, которого нет"));
  }
  return stack_.size() - count;
}

PickleMachine::Number PickleMachine::pop() {
  const Number value = stack_[last(1)];
  stack_.pop_back();
  return value;
}

PickleValue& PickleMachine::top() {
  return pickle_.values_[stack_[last(1)]];
}

std::size_t PickleMachine::pop_mark() {
  if (marks_.empty()) fail(tr("takes a mark that is not there", "берёт метку, которой нет"));
  const std::size_t first = marks_.back();
  marks_.pop_back();
  return first;
}

void PickleMachine::remember(std::uint64_t index) {
  top();
  // Picklers number memoized values from 0 on, so a gap means damage.
  if (index > memo_.size()) {
    fail(tr("remembers a value as number {} after {}",
            "запоминает значение под номером {} после {}", index, memo_.size()));
  }
  if (index == memo_.size()) memo_.emplace_back();
  memo_[index] = stack_.back();
}

void PickleMachine::recall(std::uint64_t index) {
  if (index >= memo_.size()) {
    fail(tr("recalls value number {} of {}", "вспоминает значение номер {} из {}", index,
            memo_.size()));
  }
  push(memo_[index]);
}

/// Makes a tuple of everything on the stack from `first` on.
void PickleMachine::make_tuple(std::size_t first) {
  const std::span<const Number> items = std::span(stack_).subspan(first);
  int depth = 1;
  for (const Number item : items) depth = std::max(depth, pickle_.values_[item].depth + 1);
  if (depth > kMaxPickleNesting) fail(tr("is nested too deeply", "вложенность слишком велика"));
  PickleValue tuple{.kind = PickleKind::kTuple,
                    .depth = static_cast<std::uint8_t>(depth),
                    .count = static_cast<std::uint32_t>(items.size()),
                    .number = static_cast<std::int64_t>(pickle_.fixed_items_.size())};
  pickle_.fixed_items_.insert(pickle_.fixed_items_.end(), items.begin(), items.end());
  stack_.resize(first);
  push_new(tuple);
}

/// Moves everything on the stack from `first` on into the container under it.
void PickleMachine::extend(PickleKind kind, std::size_t first) {
  const std::vector<Number> items(stack_.begin() + static_cast<std::ptrdiff_t>(first),
                                  stack_.end());
  stack_.resize(first);
  PickleValue& container = top();
  if (container.kind != kind || (kind == PickleKind::kDict && items.size() % 2 != 0)) {
    fail(tr("adds items to a value that cannot hold them",
            "добавляет элементы туда, где им не место"));
  }
  int depth = container.depth;
  for (const Number item : items) depth = std::max(depth, pickle_.values_[item].depth + 1);
  if (depth > kMaxPickleNesting) fail(tr("is nested too deeply", "вложенность слишком велика"));
  container.depth = static_cast<std::uint8_t>(depth);
  auto& held = pickle_.growing_items_[static_cast<std::size_t>(container.number)];
  held.insert(held.end(), items.begin(), items.end());
}

/// Replaces a function and the tuple of its arguments by the value of the call.
void PickleMachine::call() {
  const PickleValue arguments = pickle_.values_[pop()];
  const PickleValue function = pickle_.values_[pop()];
  if (function.kind != PickleKind::kGlobal || arguments.kind != PickleKind::kTuple) {
    fail(tr("calls a value that is not a function", "вызывает то, что не функция"));
  }
  if (function.text != kOrderedDict) {
    PickleValue made = arguments;
    made.kind = PickleKind::kCall;
    made.text = function.text;
    return push_new(made);
  }
  if (arguments.count != 0) {
    fail(tr("makes an OrderedDict of something", "создаёт OrderedDict из чего-то"));
  }
  push_growing(PickleKind::kDict);
}

void PickleMachine::refer() {
  PickleValue made = pickle_.values_[pop()];
  if (made.kind != PickleKind::kTuple) {
    fail(tr("refers to a value that is not a storage", "ссылается на то, что не хранилище"));
  }
  made.kind = PickleKind::kReference;
  push_new(made);
}

bool PickleMachine::run_literal(std::uint8_t opcode) {
  switch (opcode) {
    case kNone:
    case kNewTrue:
    case kNewFalse:
      push_new({});
      return true;
    case kBinFloat:
      input_.take(8);
      push_new({});
      return true;
    case kBinInt:
      push_integer(static_cast<std::int32_t>(input_.number(4)));
      return true;
    case kBinInt1:
      push_integer(static_cast<std::int64_t>(input_.number(1)));
      return true;
    case kBinInt2:
      push_integer(static_cast<std::int64_t>(input_.number(2)));
      return true;
    case kLong1:
      push_long();
      return true;
    case kBinUnicode:
    case kBinString:
      push_text(input_.number(4));
      return true;
    case kShortBinUnicode:
    case kShortBinString:
      push_text(input_.number(1));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::run_memo(std::uint8_t opcode) {
  switch (opcode) {
    case kBinPut:
      remember(input_.number(1));
      return true;
    case kLongBinPut:
      remember(input_.number(4));
      return true;
    case kMemoize:
      remember(memo_.size());
      return true;
    case kBinGet:
      recall(input_.number(1));
      return true;
    case kLongBinGet:
      recall(input_.number(4));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::run_container(std::uint8_t opcode) {
  switch (opcode) {
    case kMark:
      if (marks_.size() >= kMaxMarks)
        fail(tr("is nested too deeply", "вложенность слишком велика"));
      marks_.push_back(stack_.size());
      return true;
    case kEmptyTuple:
      make_tuple(stack_.size());
      return true;
    case kTuple:
      make_tuple(pop_mark());
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3:
      make_tuple(last(opcode - kTuple1 + 1u));
      return true;
    case kEmptyList:
      push_growing(PickleKind::kList);
      return true;
    case kEmptyDict:
      push_growing(PickleKind::kDict);
      return true;
    case kAppend:
      extend(PickleKind::kList, last(1));
      return true;
    case kSetItem:
      extend(PickleKind::kDict, last(2));
      return true;
    case kAppends:
      extend(PickleKind::kList, pop_mark());
      return true;
    case kSetItems:
      extend(PickleKind::kDict, pop_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::run_object(std::uint8_t opcode) {
  switch (opcode) {
    case kGlobalLine: {
      const std::string_view module = input_.line(kMaxGlobal);
      push_global(module, input_.line(kMaxGlobal));
      return true;
    }
    case kStackGlobal: {
      const PickleValue function = pickle_.values_[pop()];
      const PickleValue module = pickle_.values_[pop()];
      if (function.kind != PickleKind::kText || module.kind != PickleKind::kText) {
        fail(tr("asks for something without a name", "требует что-то без имени"));
      }
      push_global(module.text.substr(0, kMaxGlobal + 1), function.text.substr(0, kMaxGlobal + 1));
      return true;
    }
    case kReduce:
      call();
      return true;
    case kBinPersId:
      refer();
      return true;
    case kBuild:
      // Its state of a dictionary is _metadata: versions of modules, no tensor.
      pop();
      if (top().kind != PickleKind::kDict) {
        fail(
            tr("sets the state of a value that has none", "задаёт состояние тому, у чего его нет"));
      }
      return true;
    default:
      return false;
  }
}

Pickle PickleMachine::run() {
  for (;;) {
    at_ = input_.position();
    const auto opcode = static_cast<std::uint8_t>(input_.number(1));
    if (opcode == kStop) break;
    if (opcode == kProto) {
      const std::uint64_t protocol = input_.number(1);
      if (protocol < 2 || protocol > 5) {
        fail(tr("pickle protocol {} is not in 2..5", "протокол pickle {} не в 2..5", protocol));
      }
    } else if (opcode == kFrame) {
      // A frame only tells a reader of a stream how much to read.
      const std::uint64_t size = input_.number(8);
      if (size > input_.left()) {
        fail(tr("a frame of {} bytes, {} are left", "кадр из {:байта|байт|байт}, осталось {}",
                Count(size), input_.left()));
      }
    } else if (!run_literal(opcode) && !run_memo(opcode) && !run_container(opcode) &&
               !run_object(opcode)) {
      refuse(opcode);
    }
  }
  pickle_.root_ = pop();
  if (!stack_.empty() || !marks_.empty()) {
    fail(tr("ends with values left over", "в конце остались лишние значения"));
  }
  return std::move(pickle_);
}

Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                    std::string_view name) {
  return PickleMachine(bytes, globals, name).run();
}

}  // namespace oko::checkpoint
