#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "tensor/mapped_array.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// The files of a loaded model: those of its folder, and the mapped ones.
struct WeightFiles {
  std::vector<checkpoint::SourceFile> sources;
  std::vector<std::shared_ptr<const MappedFile>> mapped;

  /// True if no file was written, cut or replaced.
  bool is_current() const;
};

/// The tensors of a model folder, mapped from its safetensors files without a copy: a tensor costs
/// memory only as its pages are read, and those pages belong to the system's page cache.
///
/// A tensor that does not start at a multiple of its element's size is misaligned. If
/// `hub::align_weights` has made an aligned copy of the files, that copy is mapped. Otherwise the
/// CPU kernels read matrices in place, and everything else reads a copy in private memory
/// (`copied_bytes`). A bfloat16 tensor that becomes float16 in a graph (`converts_to_float16`) is
/// copied, too.
///
/// Arrays keep their file mapped, so they may outlive this object.
class Weights {
 public:
  /// Opens the files of `find_weight_files`, or their aligned copy. Throws kBadModel: no such
  /// files, a missing shard, a header that fails `parse_safetensors`, a tensor larger than a buffer
  /// of `limits`.
  static Weights open(const std::filesystem::path& model_dir,
                      const WindowLimits& limits = default_window_limits());

  /// Bytes of the weight files in the folder; 0 if `open` would throw.
  static std::uint64_t bytes_on_disk(const std::filesystem::path& model_dir);

  /// Bytes that the model takes beyond `bytes_on_disk`: on a CPU the codes that `Linear` widens, in
  /// a graph `copied_bytes`, since Metal keeps whole windows in memory. 0 if `open` would throw.
  static std::uint64_t bytes_beyond_disk(const std::filesystem::path& model_dir);

  /// Throws kBadModel if `bytes_on_disk` is no longer `bytes`: another model has replaced it.
  static void require_bytes_on_disk(const std::filesystem::path& model_dir, std::uint64_t bytes);

  const WeightFiles& files() const { return files_; }

  /// Bytes of the tensors that cannot be read in place on this device. They are private memory once
  /// loaded, and their pages of the file are released: on a CPU weights take `bytes_on_disk` bytes
  /// in all, copied or not.
  std::uint64_t copied_bytes() const { return copied_bytes_; }

  bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// Shape of a tensor; nothing if there is none.
  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const;

  /// The tensor, in its own dtype (float16: see above), evaluated, at a multiple of its element's
  /// size. Throws kBadModel if it is missing, has a dtype that oko does not run or a number that
  /// float16 cannot hold.
  mx::array get(std::string_view name) const;

  /// The tensor, which must have this shape. Throws kBadModel naming both shapes.
  mx::array get(std::string_view name, std::initializer_list<std::int64_t> shape) const;

  /// The same for a matrix that oko's own kernels read: on the CPU it may be at any address, so a
  /// misaligned one is not copied.
  mx::array matrix(std::string_view name, std::initializer_list<std::int64_t> shape) const;

 private:
  struct Entry {
    std::shared_ptr<MappedFile> file;
    std::size_t buffer;           ///< number in `buffers_`
    std::uint64_t buffer_offset;  ///< of the buffer's first byte in the file
    checkpoint::TensorInfo info;
  };

  void add_file(const std::filesystem::path& path, const WindowLimits& limits);
  const Entry* find(std::string_view name) const;
  const Entry& require(std::string_view name) const;
  /// Throws if the layer of `name`, an unusable tensor, is quantized for another program.
  void require_known_quantization(std::string_view name) const;
  /// Throws if no layer can use the tensor's dtype.
  const Entry& require_usable(std::string_view name) const;
  void require_shape(std::string_view name, std::initializer_list<std::int64_t> shape) const;

  std::filesystem::path model_dir_;
  WeightFiles files_;
  /// Parts of the files as uint64, so that the 2^31 elements of an array hold 16 GB.
  std::vector<mx::array> buffers_;
  std::map<std::string, Entry, std::less<>> tensors_;
  std::uint64_t copied_bytes_ = 0;
};

}  // namespace oko::tensor
