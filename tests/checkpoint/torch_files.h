// Hand-made PyTorch checkpoints, right and wrong: zip archives and pickles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oko::checkpoint::torch_files {

inline std::string little(std::uint64_t number, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xFF);
  return bytes;
}

/// An entry of an archive, and false claims of its directory.
struct ZipItem {
  std::string name;
  std::string data;
  std::uint64_t method = 0;
  std::uint64_t flags = 0;
  bool zip64 = false;                                        ///< its numbers are in 64-bit fields
  std::optional<std::uint64_t> size = std::nullopt;          ///< instead of the data's
  std::optional<std::uint64_t> local_header = std::nullopt;  ///< instead of its position
  std::optional<std::string> local_name = std::nullopt;      ///< in the local header
};

/// The records at the end of an archive.
struct ZipEnd {
  bool zip64 = false;
  std::optional<std::uint64_t> entries = std::nullopt;
  std::optional<std::uint64_t> size = std::nullopt;
  std::optional<std::uint64_t> offset = std::nullopt;
  std::optional<std::uint64_t> zip64_entries = std::nullopt;
  std::string comment = {};
  std::string more_directory = {};  ///< bytes after the directory's records
};

/// The compression method and both sizes of an item, the same in both of its records.
inline std::string zip_storage(const ZipItem& item) {
  const std::uint64_t size = item.size.value_or(item.data.size());
  const std::string size32 = little(item.zip64 ? 0xFFFFFFFF : size, 4);
  return little(item.flags, 2) + little(item.method, 2) + little(0, 8) + size32 + size32;
}

inline std::string local_record(const ZipItem& item) {
  const std::string name = item.local_name.value_or(item.name);
  return "PK\3\4" + little(45, 2) + zip_storage(item) + little(name.size(), 2) + little(0, 2) +
         name + item.data;
}

inline std::string directory_record(const ZipItem& item, std::uint64_t position) {
  const std::uint64_t size = item.size.value_or(item.data.size());
  std::string extra = "XX" + little(2, 2) + "??";
  if (item.zip64) {
    extra += little(1, 2) + little(24, 2) + little(size, 8) + little(size, 8) + little(position, 8);
  }
  return "PK\1\2" + little(45, 2) + little(45, 2) + zip_storage(item) +
         little(item.name.size(), 2) + little(extra.size(), 2) + little(0, 2) + little(0, 8) +
         little(item.zip64 ? 0xFFFFFFFF : position, 4) + item.name + extra;
}

inline std::string zip_file(const std::vector<ZipItem>& items, const ZipEnd& end = {}) {
  std::string file;
  std::string directory;
  for (const ZipItem& item : items) {
    directory += directory_record(item, item.local_header.value_or(file.size()));
    file += local_record(item);
  }
  directory += end.more_directory;
  const std::uint64_t offset = end.offset.value_or(file.size());
  const std::uint64_t size = end.size.value_or(directory.size());
  const std::uint64_t entries = end.entries.value_or(items.size());
  file += directory;
  if (end.zip64) {
    const std::uint64_t record = file.size();
    const std::uint64_t wide = end.zip64_entries.value_or(entries);
    file += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
            little(wide, 8) + little(wide, 8) + little(size, 8) + little(offset, 8);
    file += "PK\6\7" + little(0, 4) + little(record, 8) + little(1, 4);
  }
  // Values that do not fit become all ones.
  const auto narrow = [&](std::uint64_t number, int bytes) {
    const std::uint64_t full = (std::uint64_t{1} << 8 * bytes) - 1;
    return little(end.zip64 ? std::min(number, full) : number, bytes);
  };
  file += "PK\5\6" + little(0, 4) + narrow(entries, 2) + narrow(entries, 2) + narrow(size, 4) +
          narrow(offset, 4) + little(end.comment.size(), 2) + end.comment;
  return file;
}

// Pieces of pickles.

inline std::string text(std::string_view text) {
  return std::string("X").append(little(text.size(), 4)).append(text);
}

inline std::string integer(std::int64_t number) {
  const bool small = number == static_cast<std::int32_t>(number);
  return std::string(small ? "J" : "\x8a\x08")
      .append(little(static_cast<std::uint64_t>(number), small ? 4 : 8));
}

inline std::string tuple(const std::vector<std::string>& items) {
  std::string pickle = "(";
  for (const std::string& item : items) pickle += item;
  return pickle + "t";
}

inline std::string integers(const std::vector<std::int64_t>& numbers) {
  std::string pickle = "(";
  for (const std::int64_t number : numbers) pickle += integer(number);
  return pickle + "t";
}

inline std::string global(std::string_view module, std::string_view name) {
  return std::string("c").append(module).append("\n").append(name).append("\n");
}

inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string pickle = "}(";
  for (const auto& [key, value] : items) pickle += text(key) + value;
  return pickle + "u";
}

/// A tensor of 3 × 4 f32, the whole of storage "0".
struct Tensor {
  std::string type = "FloatStorage";
  std::string key = "0";
  std::int64_t elements = 12;
  std::int64_t first = 0;
  std::vector<std::int64_t> shape{3, 4};
  std::vector<std::int64_t> strides{4, 1};
};

inline std::string storage(const Tensor& tensor) {
  return tuple({text("storage"), global("torch", tensor.type), text(tensor.key), text("cpu"),
                integer(tensor.elements)}) +
         "Q";
}

inline std::string pickled(const Tensor& tensor) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({storage(tensor), integer(tensor.first), integers(tensor.shape),
                integers(tensor.strides), "\x89", global("collections", "OrderedDict") + ")R"}) +
         "R";
}

inline std::string parameter(const std::string& tensor) {
  return global("torch._utils", "_rebuild_parameter") +
         tuple({tensor, "\x88", global("collections", "OrderedDict") + ")R"}) + "R";
}

/// The whole pickle of one value.
inline std::string pickle(const std::string& value) {
  return std::string("\x80\x02").append(value).append(".");
}

/// An archive of this pickle and of two storages, "0" of 48 bytes and "1" of 16.
inline std::vector<ZipItem> items(const std::string& pickle) {
  return {{"m/data.pkl", pickle},
          {"m/byteorder", "little"},
          {"m/data/0", std::string(48, 'a')},
          {"m/data/1", std::string(16, 'b')},
          {"m/version", "3\n"}};
}

inline std::string checkpoint(const std::string& pickle) {
  return zip_file(items(pickle));
}

/// A checkpoint of one tensor "t".
inline std::string checkpoint_of(const Tensor& tensor) {
  return checkpoint(pickle(dict({{"t", pickled(tensor)}})));
}

}  // namespace oko::checkpoint::torch_files
