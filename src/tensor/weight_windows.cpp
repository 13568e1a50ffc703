#include "tensor/weight_windows.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "checkpoint/model_part.h"

namespace oko::tensor {
namespace {

constexpr std::uint64_t kPage = MappedFile::kHeaderBytes;

/// A tensor with its pages.
struct Extent {
  std::uint64_t offset;  ///< of the tensor
  std::uint64_t begin, end;
  checkpoint::ModelPart part;
  const std::string* tensor;
};

std::vector<Extent> extents_of(const checkpoint::TensorTable& tensors, std::uint64_t file_size) {
  std::vector<Extent> extents;
  extents.reserve(tensors.size());
  for (const auto& [name, info] : tensors) {
    const std::uint64_t end = (info.offset + info.size + kPage - 1) / kPage * kPage;
    extents.push_back({info.offset, info.offset / kPage * kPage, std::min(end, file_size),
                       checkpoint::part_of(name), &name});
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
  return extents;
}

std::size_t count_part_runs(const std::vector<Extent>& extents) {
  std::size_t runs = extents.empty() ? 0 : 1;
  for (std::size_t i = 1; i < extents.size(); ++i) runs += extents[i].part != extents[i - 1].part;
  return runs;
}

[[noreturn]] void fail_too_large(const Extent& extent, std::uint64_t max_bytes,
                                 std::string_view name) {
  const SizePair sizes(extent.end - extent.begin, max_bytes);
  throw Error(
      ErrorCode::kBadModel,
      tr("{}: tensor {} takes {}, one buffer of this machine holds {}",
         "{}: тензор {} занимает {}, в один буфер этой машины помещается {}", name, *extent.tensor,
         sizes.first, sizes.second),
      tr("use a model with fewer bits per weight", "возьмите модель с меньшим числом бит на вес"));
}

}  // namespace

WindowPlan plan_windows(const checkpoint::TensorTable& tensors, std::uint64_t file_size,
                        const WindowLimits& limits, std::string_view name) {
  const std::vector<Extent> extents = extents_of(tensors, file_size);
  const std::size_t part_runs = count_part_runs(extents);
  const bool split_parts = limits.split_parts && part_runs > 1 && part_runs <= kMaxPartRuns;
  WindowPlan plan;
  if (!split_parts && file_size <= limits.max_bytes) plan.windows.push_back({0, file_size});
  const bool is_whole = !plan.windows.empty();
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Extent& extent = extents[i];
    if (extent.end - extent.begin > limits.max_bytes) {
      fail_too_large(extent, limits.max_bytes, name);
    }
    const bool continues = !plan.windows.empty() &&
                           extent.end - plan.windows.back().begin <= limits.max_bytes &&
                           !(split_parts && extent.part != extents[i - 1].part);
    if (!is_whole && !continues) plan.windows.push_back({extent.begin, extent.end});
    plan.windows.back().end = std::max(plan.windows.back().end, extent.end);
    plan.window_of.emplace(*extent.tensor, plan.windows.size() - 1);
  }
  return plan;
}

}  // namespace oko::tensor
