#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace oko::checkpoint {

enum class PickleKind : std::uint8_t {
  kOther,      ///< None, a boolean, a float, an integer of more than 64 bits
  kInteger,    ///< `number`
  kText,       ///< `text`
  kTuple,      ///< its items
  kList,       ///< its items
  kDict,       ///< its items: key, value, key, value; also an OrderedDict
  kGlobal,     ///< `text`, "module name": a function or a class, by its name alone
  kCall,       ///< `text`, the function's "module name", that would be called with the items
  kReference,  ///< the items of a persistent id: an object that lies outside the pickle
};

/// One value of a pickle. Values refer to each other by number, so shared ones are never copied.
struct PickleValue {
  PickleKind kind = PickleKind::kOther;
  std::uint8_t depth = 1;   ///< levels of values in it, itself included, when it was made
  std::uint32_t count = 0;  ///< of items, if they can no longer grow
  std::int64_t number = 0;  ///< the number, or the position of the items
  std::string_view text{};  ///< in the pickle's own bytes, any bytes; of a global in `globals`
};

/// The values of a pickle.
class Pickle {
 public:
  /// `number` is one that `items` returns.
  const PickleValue& at(std::uint32_t number) const { return values_[number]; }
  const PickleValue& root() const { return at(root_); }
  /// The number of values.
  std::size_t size() const { return values_.size(); }
  /// Numbers of the values in a tuple, list, dictionary, call or reference; else nothing.
  std::span<const std::uint32_t> items(const PickleValue& value) const;

 private:
  friend class PickleMachine;

  std::vector<PickleValue> values_;
  std::vector<std::uint32_t> fixed_items_;                 // of tuples, calls and references
  std::vector<std::vector<std::uint32_t>> growing_items_;  // of lists and dictionaries
  std::uint32_t root_ = 0;
};

/// Reads a pickle (protocols 2 to 5, the opcodes that torch.save writes) and executes nothing:
/// calls become values of the kind kCall. It refuses any other opcode, and globals that are not in
/// `globals` ("module name" each). "collections OrderedDict" is always known; its call makes a
/// dictionary. `bytes` and the text of `globals` must outlive the result. Time and memory are
/// linear in the size, and limited: 4,194,304 values, nesting 64. `name` is for messages. Throws
/// kBadModel. Format: CPython's Lib/pickletools.py.
Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                    std::string_view name);

}  // namespace oko::checkpoint
