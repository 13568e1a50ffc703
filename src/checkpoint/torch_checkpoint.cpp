#include "checkpoint/torch_checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_bytes.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_directory.h"

namespace oko::checkpoint {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kMaxPickleBytes = 64'000'000;
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxNameBytes = 1000;
constexpr std::size_t kMaxDimensions = 8;

constexpr std::string_view kTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils _rebuild_parameter";

/// The globals that a checkpoint may name. A storage's name gives the type of its elements.
constexpr std::array kGlobals{
    kTensor,
    kParameter,
    "torch FloatStorage"sv,
    "torch HalfStorage"sv,
    "torch BFloat16Storage"sv,
    "torch IntStorage"sv,
    "torch ByteStorage"sv,
    "torch.storage UntypedStorage"sv,
    "torch LongStorage"sv,
    "torch ShortStorage"sv,
    "torch CharStorage"sv,
    "torch BoolStorage"sv,
    "torch DoubleStorage"sv,
    "torch ComplexFloatStorage"sv,
    "torch ComplexDoubleStorage"sv,
};

/// The dtypes of the storages that oko reads.
constexpr std::array<std::pair<std::string_view, Dtype>, 6> kStorages{{
    {"torch FloatStorage", Dtype::kFloat32},
    {"torch HalfStorage", Dtype::kFloat16},
    {"torch BFloat16Storage", Dtype::kBfloat16},
    {"torch IntStorage", Dtype::kInt32},
    {"torch ByteStorage", Dtype::kUint8},
    {"torch.storage UntypedStorage", Dtype::kUint8},
}};

LocalizedText state_dict_hint() {
  return tr("save the weights alone, torch.save(model.state_dict(), ...), or take safetensors",
            "сохраните одни веса, torch.save(model.state_dict(), ...), или возьмите safetensors");
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_html(std::string_view head) {
  const auto first = std::find_if_not(head.begin(), head.end(),
                                      [](unsigned char c) { return std::isspace(c) != 0; });
  std::string start(first, head.end());
  start.resize(std::min<std::size_t>(start.size(), 16));
  std::transform(start.begin(), start.end(), start.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return start.starts_with("<!doctype html") || start.starts_with("<html");
}

/// Names the kind of a file that is not a zip archive.
[[noreturn]] void fail_unknown(std::span<const std::byte> file, std::string_view name) {
  // Before version 1.6 torch.save began a file with a pickle of one long number.
  constexpr std::string_view kOldMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
  const std::string_view head = as_text(file.first(std::min<std::size_t>(file.size(), 512)));
  if (file.empty()) fail_checkpoint(name, tr("the file is empty", "файл пуст"));
  if (head.substr(0, 32).find(kOldMagic) != std::string_view::npos) {
    fail_checkpoint(
        name,
        tr("a PyTorch checkpoint of the format before version 1.6, which oko does not read",
           "файл весов PyTorch в формате до версии 1.6, который oko не читает"),
        tr("load it in Python with torch.load(..., weights_only=True) and torch.save it again",
           "загрузите его в Python через torch.load(..., weights_only=True) и снова сохраните "
           "torch.save"));
  }
  if (head.starts_with("version https://git-lfs")) {
    fail_checkpoint(
        name, tr("a git-lfs pointer in place of the file", "указатель git-lfs вместо самого файла"),
        tr("fetch the file itself: git lfs pull", "получите сам файл: git lfs pull"));
  }
  if (is_html(head)) {
    fail_checkpoint(name, tr("a web page, not a checkpoint", "страница сайта, а не файл весов"),
                    tr("the download got an error or a login page: check the address",
                       "вместо файла скачана страница ошибки или входа: проверьте адрес"));
  }
  if (head.starts_with("\x1f\x8b")) {
    fail_checkpoint(name, tr("is compressed with gzip", "сжат gzip"),
                    tr("unpack it with gunzip", "распакуйте его: gunzip"));
  }
  if (head.size() > 8 && head[8] == '{') {
    fail_checkpoint(name,
                    tr("looks like safetensors, not like a PyTorch checkpoint",
                       "похож на safetensors, а не на файл весов PyTorch"),
                    tr("give it the ending .safetensors", "дайте ему окончание .safetensors"));
  }
  if (head.starts_with('\x80')) {
    fail_checkpoint(name,
                    tr("a Python pickle, not a checkpoint of torch.save",
                       "файл pickle из Python, а не файл весов из torch.save"),
                    state_dict_hint());
  }
  fail_checkpoint(name, tr("not a PyTorch checkpoint: a zip archive is expected",
                           "не файл весов PyTorch: ожидается архив zip"));
}

class CheckpointReader {
 public:
  CheckpointReader(std::span<const std::byte> file, std::string_view name);

  TensorTable read();

 private:
  [[noreturn]] void fail_tensor(std::string_view tensor, const LocalizedText& what,
                                const LocalizedText& hint = {}) const {
    fail_checkpoint(name_, tr("tensor {}: {}", "тензор {}: {}", excerpt(tensor), what), hint);
  }

  std::string_view find_folder() const;
  std::span<const std::byte> bytes_of(std::string_view entry) const;

  bool is_tensor(const PickleValue& value) const;
  void refuse_nested_tensors(std::string_view key, const PickleValue& value);
  std::vector<std::int64_t> read_integers(std::string_view tensor, const PickleValue& tuple) const;
  std::optional<TensorInfo> read_tensor(std::string_view tensor, PickleValue value) const;
  void check_shape(std::string_view tensor, const TensorInfo& info,
                   const std::vector<std::int64_t>& strides) const;
  void place(std::string_view tensor, std::int64_t first, std::span<const std::uint32_t> storage,
             TensorInfo& info) const;

  std::span<const std::byte> file_;
  std::string_view name_;
  ZipDirectory entries_;
  std::string folder_;  ///< "archive/"
  Pickle pickle_;
  std::vector<bool> searched_;  // dictionaries in the dictionary, by number
};

CheckpointReader::CheckpointReader(std::span<const std::byte> file, std::string_view name)
    : file_(file), name_(name), entries_(read_zip_directory(file, name)) {
  folder_ = find_folder();
  if (entries_.contains(folder_ + "byteorder") && as_text(bytes_of("byteorder")) != "little") {
    fail_checkpoint(
        name_,
        tr("was written on a big-endian machine", "записан на машине с обратным порядком байт"),
        tr("save it again on an ordinary computer", "сохраните его заново на обычном компьютере"));
  }
  const auto bytes = bytes_of("data.pkl");
  if (bytes.size() > kMaxPickleBytes) {
    const SizePair sizes(bytes.size(), kMaxPickleBytes);
    fail_checkpoint(name_, tr("data.pkl takes {}, the limit is {}",
                              "data.pkl занимает {}, предел — {}", sizes.first, sizes.second));
  }
  pickle_ = parse_pickle(bytes, kGlobals, name);
}

/// The archive's one folder, by the pickle in it.
std::string_view CheckpointReader::find_folder() const {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string_view found;
  for (const auto& [entry, place] : entries_) {
    if (!entry.ends_with(kPickle) || entry.find('/') != entry.size() - kPickle.size()) continue;
    if (!found.empty()) {
      fail_checkpoint(name_,
                      tr("has two pickles: {} and {}data.pkl", "в нём два pickle: {} и {}data.pkl",
                         excerpt(entry), excerpt(found)));
    }
    found = entry.substr(0, entry.size() - kPickle.size() + 1);
  }
  if (found.empty()) {
    fail_checkpoint(name_,
                    tr("a zip archive without data.pkl: not a PyTorch checkpoint",
                       "архив zip без data.pkl: не файл весов PyTorch"),
                    tr("unpack it, or take the model's own file",
                       "распакуйте его или возьмите файл самой модели"));
  }
  return found;
}

std::span<const std::byte> CheckpointReader::bytes_of(std::string_view entry) const {
  const ZipEntry& place = entries_.at(folder_ + std::string(entry));
  return file_.subspan(place.offset, place.size);
}

bool CheckpointReader::is_tensor(const PickleValue& value) const {
  return value.kind == PickleKind::kCall && (value.text == kTensor || value.text == kParameter);
}

/// Refuses a training checkpoint, which keeps the state dict under a name: the user has to choose.
void CheckpointReader::refuse_nested_tensors(std::string_view key, const PickleValue& value) {
  const auto items = pickle_.items(value);
  if (std::none_of(items.begin(), items.end(),
                   [&](std::uint32_t item) { return is_tensor(pickle_.at(item)); })) {
    return;
  }
  fail_checkpoint(
      name_,
      tr("its tensors lie deeper, under \"{}\"", "тензоры лежат глубже, под «{}»", excerpt(key)),
      state_dict_hint());
}

std::vector<std::int64_t> CheckpointReader::read_integers(std::string_view tensor,
                                                          const PickleValue& tuple) const {
  if (tuple.kind != PickleKind::kTuple) fail_tensor(tensor, tr("has no shape", "нет формы"));
  if (tuple.count > kMaxDimensions) {
    fail_tensor(tensor, tr("has {} dimensions", "размерностей: {}", tuple.count));
  }
  std::vector<std::int64_t> numbers;
  for (const std::uint32_t item : pickle_.items(tuple)) {
    const PickleValue& number = pickle_.at(item);
    if (number.kind != PickleKind::kInteger) fail_tensor(tensor, tr("has no shape", "нет формы"));
    numbers.push_back(number.number);
  }
  return numbers;
}

/// Throws unless dimensions are in their range and rows follow one another without gaps.
void CheckpointReader::check_shape(std::string_view tensor, const TensorInfo& info,
                                   const std::vector<std::int64_t>& strides) const {
  if (strides.size() != info.shape.size()) {
    fail_tensor(tensor, tr("has {} dimensions and {} strides", "размерностей {}, шагов {}",
                           info.shape.size(), strides.size()));
  }
  std::optional<std::uint64_t> expected = 1;
  for (std::size_t i = info.shape.size(); i > 0; --i) {
    const std::int64_t dimension = info.shape[i - 1];
    if (dimension < 1 || dimension > std::numeric_limits<std::int32_t>::max()) {
      fail_tensor(tensor, tr("dimension {} is not in 1..2147483647",
                             "размерность {} не в 1..2147483647", dimension));
    }
    // A single row has no next row: its stride does not matter.
    if (dimension != 1 && static_cast<std::uint64_t>(strides[i - 1]) != *expected) {
      fail_tensor(
          tensor,
          tr("is not contiguous: the stride of dimension {} is {}, not {}",
             "не сплошной: шаг размерности {} равен {}, а не {}", i - 1, strides[i - 1], *expected),
          tr("save it after .contiguous()", "сохраните его после .contiguous()"));
    }
    expected = checked_mul(*expected, static_cast<std::uint64_t>(dimension));
    if (!expected) fail_tensor(tensor, tr("is too large to exist", "невозможно велик"));
  }
}

/// Finds the bytes of a tensor whose first element is number `first` of a storage:
/// ("storage", type, key, device, elements).
void CheckpointReader::place(std::string_view tensor, std::int64_t first,
                             std::span<const std::uint32_t> storage, TensorInfo& info) const {
  const PickleValue& key = pickle_.at(storage[2]);
  const PickleValue& count = pickle_.at(storage[4]);
  if (key.kind != PickleKind::kText || count.kind != PickleKind::kInteger || count.number < 0 ||
      first < 0) {
    fail_tensor(tensor, tr("its storage is not described", "его хранилище не описано"));
  }
  const auto found = entries_.find(fmt::format("{}data/{}", folder_, key.text));
  if (found == entries_.end()) {
    fail_tensor(tensor, tr("there is no entry data/{} with its values",
                           "нет записи data/{} с его значениями", excerpt(key.text)));
  }
  const std::size_t element = size_of(info.dtype);
  const auto storage_size =
      checked_mul<std::uint64_t>(static_cast<std::uint64_t>(count.number), element);
  if (storage_size != found->second.size) {
    fail_tensor(tensor, tr("its storage of {} elements of {} bytes has {} bytes",
                           "в его хранилище из {:элемента|элементов|элементов} по "
                           "{:байту|байта|байт} — {:байт|байта|байт}",
                           Count(count.number), Count(element), Count(found->second.size)));
  }
  std::optional<std::uint64_t> size = element;
  for (const std::int64_t dimension : info.shape) {
    if (size) size = checked_mul(*size, static_cast<std::uint64_t>(dimension));
  }
  const auto offset = checked_mul<std::uint64_t>(static_cast<std::uint64_t>(first), element);
  if (!size || !offset || *offset > *storage_size || *size > *storage_size - *offset) {
    fail_tensor(tensor,
                tr("lies outside its storage of {} bytes: shape [{}] from element {}",
                   "лежит вне своего хранилища из {:байта|байт|байт}: форма [{}] с элемента {}",
                   Count(*storage_size), fmt::format("{}", fmt::join(info.shape, ",")), first));
  }
  info.offset = found->second.offset + *offset;
  info.size = *size;
}

/// Nothing if the tensor is one that oko leaves out.
std::optional<TensorInfo> CheckpointReader::read_tensor(std::string_view tensor,
                                                        PickleValue value) const {
  // _rebuild_parameter(data, requires_grad, backward_hooks)
  while (value.kind == PickleKind::kCall && value.text == kParameter && value.count >= 1) {
    value = pickle_.at(pickle_.items(value)[0]);
  }
  // _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)
  const auto arguments = pickle_.items(value);
  if (value.kind != PickleKind::kCall || value.text != kTensor || arguments.size() < 4) {
    fail_tensor(tensor, tr("is not described", "не описан"));
  }
  if (arguments.size() > 6) {
    // A conjugate or negative view: its numbers are not those that are stored.
    fail_tensor(tensor, tr("is a view that changes its values", "это вид, меняющий значения"),
                tr("save it after .clone()", "сохраните его после .clone()"));
  }
  const PickleValue& storage = pickle_.at(arguments[0]);
  const auto storage_items = pickle_.items(storage);
  if (storage.kind != PickleKind::kReference || storage_items.size() != 5 ||
      pickle_.at(storage_items[0]).text != "storage" ||
      pickle_.at(storage_items[1]).kind != PickleKind::kGlobal ||
      pickle_.at(arguments[1]).kind != PickleKind::kInteger) {
    fail_tensor(tensor, tr("its storage is not described", "его хранилище не описано"));
  }
  const auto* dtype = std::find_if(kStorages.begin(), kStorages.end(), [&](const auto& known) {
    return known.first == pickle_.at(storage_items[1]).text;
  });
  if (dtype == kStorages.end()) return std::nullopt;
  TensorInfo info;
  info.dtype = dtype->second;
  info.shape = read_integers(tensor, pickle_.at(arguments[2]));
  if (std::find(info.shape.begin(), info.shape.end(), 0) != info.shape.end()) return std::nullopt;
  check_shape(tensor, info, read_integers(tensor, pickle_.at(arguments[3])));
  place(tensor, pickle_.at(arguments[1]).number, storage_items, info);
  return info;
}

TensorTable CheckpointReader::read() {
  const PickleValue& root = pickle_.root();
  if (root.kind != PickleKind::kDict) {
    fail_checkpoint(
        name_,
        is_tensor(root)
            ? tr("holds one tensor without a name", "в нём один тензор без имени")
            : tr("holds something else than a dictionary of tensors", "в нём не словарь тензоров"),
        state_dict_hint());
  }
  TensorTable tensors;
  const auto items = pickle_.items(root);
  searched_.resize(pickle_.size());
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleValue& key = pickle_.at(items[i]);
    const PickleValue& value = pickle_.at(items[i + 1]);
    if (value.kind == PickleKind::kDict && !searched_[items[i + 1]]) {
      searched_[items[i + 1]] = true;
      refuse_nested_tensors(key.text, value);
    }
    if (!is_tensor(value)) continue;
    if (key.kind != PickleKind::kText || key.text.size() > kMaxNameBytes || !is_utf8(key.text)) {
      fail_checkpoint(
          name_, tr("a tensor's name is not a text of at most {} bytes: {}",
                    "имя тензора — не текст до {} байт: {}", kMaxNameBytes, excerpt(key.text)));
    }
    const auto info = read_tensor(key.text, value);
    if (!info) continue;
    if (!tensors.emplace(key.text, *info).second) {
      fail_tensor(key.text, tr("comes twice", "встречается дважды"));
    }
    if (tensors.size() > kMaxTensors) {
      fail_checkpoint(name_, tr("more than {} tensors", "тензоров больше {}", kMaxTensors));
    }
  }
  return tensors;
}

}  // namespace

TensorTable parse_torch_checkpoint(std::span<const std::byte> file, std::string_view name) {
  if (!as_text(file.first(std::min<std::size_t>(file.size(), 2))).starts_with("PK")) {
    fail_unknown(file, name);
  }
  return CheckpointReader(file, name).read();
}

}  // namespace oko::checkpoint
