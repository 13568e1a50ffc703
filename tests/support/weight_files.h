// A temporary folder, hand-made safetensors files, and their errors.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace oko {

/// A folder of the test's own, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "oko_tensor_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void write(std::string_view name, std::string_view bytes) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.flush()) << path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// A safetensors file: the length of the header, the header, the data.
inline std::string safetensors_file(std::string_view header, std::string_view data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  file += header;
  file += data;
  return file;
}

struct TestTensor {
  std::string name;
  std::string dtype;  ///< as in the header: "F32", ...
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// A valid file of `tensors` with `header_padding` extra spaces in its header.
inline std::string safetensors_file(const std::vector<TestTensor>& tensors,
                                    std::size_t header_padding = 0) {
  std::string header = R"({"__metadata__":{"format":"mlx"})";
  std::string data;
  for (const TestTensor& tensor : tensors) {
    header += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          tensor.name, tensor.dtype, fmt::join(tensor.shape, ","), data.size(),
                          data.size() + tensor.bytes.size());
    data += tensor.bytes;
  }
  header += '}';
  header.append(header_padding, ' ');
  return safetensors_file(header, data);
}

/// The bytes of numbers in memory.
template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// The error that `function` throws; if there is none, an empty one and a failed test.
template <typename Function>
Error error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kFailed, "");
}

/// Expects an Error of kBadModel with every one of `parts` in its message, in either language.
template <typename Function>
void expect_bad_model(Function function, const std::vector<std::string>& parts) {
  const Error error = error_of(function);
  EXPECT_EQ(error.code(), ErrorCode::kBadModel) << error.what();
  EXPECT_FALSE(error.hint().empty()) << error.what();
  const std::string message =
      error.message().in(Language::kEnglish) + "\n" + error.message().in(Language::kRussian);
  for (const std::string& part : parts) {
    EXPECT_NE(message.find(part), std::string::npos) << "\"" << part << "\" is not in: " << message;
  }
}

}  // namespace oko
