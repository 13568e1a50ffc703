#include "models/qwen3_vl/vision_model.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/qwen3_vl/limits.h"
#include "models/qwen3_vl/rotary.h"
#include "tensor/attention.h"
#include "tensor/compute_dtype.h"
#include "tensor/device.h"

namespace oko::models::qwen3_vl {
namespace {

/// The patch embedding as a linear layer over a patch's pixels, in their order (channel, frame,
/// row, column): it is a convolution whose stride is its kernel. MLX stores the channels last.
tensor::Linear load_patch_embed(const Checkpoint& checkpoint) {
  const VisionConfig& config = checkpoint.config.vision;
  const std::string name = checkpoint.names.vision + "patch_embed.proj";
  const std::int64_t out = config.hidden_size;
  const std::int64_t frames = config.temporal_patch_size;
  const std::int64_t side = config.patch_size;
  const auto shape = checkpoint.weights.shape(name + ".weight");
  const bool channels_first = shape && shape->size() == 5 && (*shape)[1] == config.in_channels &&
                              (*shape)[2] == frames && (*shape)[4] == side;
  mx::array weight =
      channels_first
          ? checkpoint.weights.get(name + ".weight", {out, config.in_channels, frames, side, side})
          : mx::transpose(checkpoint.weights.get(name + ".weight",
                                                 {out, frames, side, side, config.in_channels}),
                          {0, 4, 1, 2, 3});
  weight = mx::reshape(mx::contiguous(weight), {config.hidden_size, -1});
  weight.eval();
  mx::array bias = mx::astype(checkpoint.weights.get(name + ".bias", {out}),
                              tensor::compute_dtype(weight.dtype()));
  bias.eval();
  return tensor::Linear(weight, bias);
}

}  // namespace

std::size_t ImageFeatures::bytes() const {
  std::size_t total = merged.nbytes();
  for (const mx::array& level : deepstack) total += level.nbytes();
  return total;
}

PatchMerger::PatchMerger(const LayerLoader& load, const VisionConfig& config, bool norm_after_merge)
    : norm_after_merge_(norm_after_merge),
      merged_size_(config.hidden_size * config.spatial_merge_size * config.spatial_merge_size),
      norm_(load.layer_norm("norm", norm_after_merge ? merged_size_ : config.hidden_size)),
      linear_fc1_(load.linear("linear_fc1", merged_size_, merged_size_)),
      linear_fc2_(load.linear("linear_fc2", config.out_hidden_size, merged_size_)) {}

mx::array PatchMerger::operator()(const mx::array& x) const {
  const mx::Shape merged{static_cast<int>(x.size()) / merged_size_, merged_size_};
  const mx::array normal =
      norm_after_merge_ ? norm_(tensor::reshape(x, merged)) : tensor::reshape(norm_(x), merged);
  return linear_fc2_(linear_fc1_.forward_activation(normal, tensor::cpu::Activation::kGelu));
}

void PatchMerger::add_cost(std::uint64_t merged_tokens, PassCost& work) const {
  work.add(linear_fc1_, merged_tokens);
  work.add(linear_fc2_, merged_tokens);
}

// Splits the fused qkv into three layers, so that each output can be freed when it is used.
VisionModel::Block::Block(const LayerLoader& load, const VisionConfig& config)
    : Block(load, config, load.linear("attn.qkv", 3 * config.hidden_size, config.hidden_size)) {}

VisionModel::Block::Block(const LayerLoader& load, const VisionConfig& config,
                          const tensor::Linear& qkv)
    : norm1(load.layer_norm("norm1", config.hidden_size)),
      norm2(load.layer_norm("norm2", config.hidden_size)),
      query(qkv.slice_rows(0, config.hidden_size)),
      key(qkv.slice_rows(config.hidden_size, config.hidden_size)),
      value(qkv.slice_rows(2 * config.hidden_size, config.hidden_size)),
      proj(load.linear("attn.proj", config.hidden_size, config.hidden_size)),
      linear_fc1(load.linear("mlp.linear_fc1", config.intermediate_size, config.hidden_size)),
      linear_fc2(load.linear("mlp.linear_fc2", config.hidden_size, config.intermediate_size)) {}

VisionModel::VisionModel(const Checkpoint& checkpoint)
    : config_(checkpoint.config.vision),
      patch_embed_(load_patch_embed(checkpoint)),
      pos_embed_(checkpoint.vision().linear("pos_embed", config_.num_position_embeddings,
                                            config_.hidden_size)),
      merger_(checkpoint.vision().part("merger."), config_, /*norm_after_merge=*/false) {
  const LayerLoader load = checkpoint.vision();
  for (int i = 0; i < config_.depth; ++i) {
    blocks_.emplace_back(load.part("blocks." + std::to_string(i) + "."), config_);
  }
  for (std::size_t i = 0; i < config_.deepstack_visual_indexes.size(); ++i) {
    deepstack_mergers_.emplace_back(load.part("deepstack_merger_list." + std::to_string(i) + "."),
                                    config_,
                                    /*norm_after_merge=*/true);
  }
}

/// Bilinear interpolation of the square table of learned positions at the picture's grid, corners
/// aligned; rows in merge order.
mx::array VisionModel::position_embeddings(const GridThw& grid) const {
  const int side = static_cast<int>(std::lround(std::sqrt(config_.num_position_embeddings)));
  const int merge = config_.spatial_merge_size;
  const auto place = [&](int index, int count) {
    const float at =
        static_cast<float>(index * (side - 1)) / static_cast<float>(std::max(count - 1, 1));
    const int low = static_cast<int>(at);
    return std::tuple(low, std::min(low + 1, side - 1), at - static_cast<float>(low));
  };
  std::array<std::vector<std::int32_t>, 4> indices;
  std::array<std::vector<float>, 4> weights;
  for (int block_row = 0; block_row < grid.h; block_row += merge) {
    for (int block_column = 0; block_column < grid.w; block_column += merge) {
      for (int patch = 0; patch < merge * merge; ++patch) {
        const auto [top, bottom, down] = place(block_row + patch / merge, grid.h);
        const auto [left, right, across] = place(block_column + patch % merge, grid.w);
        const std::int32_t corners[] = {top * side + left, top * side + right, bottom * side + left,
                                        bottom * side + right};
        const float shares[] = {(1 - down) * (1 - across), (1 - down) * across, down * (1 - across),
                                down * across};
        for (std::size_t corner = 0; corner < 4; ++corner) {
          indices[corner].push_back(corners[corner]);
          weights[corner].push_back(shares[corner]);
        }
      }
    }
  }
  const int count = grid.h * grid.w;
  std::optional<mx::array> sum;
  for (std::size_t corner = 0; corner < 4; ++corner) {
    const mx::array rows = pos_embed_.embed(mx::array(indices[corner].data(), {count}, mx::int32));
    const mx::array part = mx::multiply(
        rows, mx::astype(tensor::from_host_rows(weights[corner], count), rows.dtype()));
    sum = sum ? mx::add(*sum, part) : part;
    sum->eval();  // one corner's rows at a time
  }
  return grid.t == 1 ? *sum : mx::tile(*sum, {grid.t, 1});
}

mx::array VisionModel::embed(const Patches& patches) const {
  const std::span<const float> pixels = patches.pixel_values;
  const int count = patches.grid_thw.t * patches.grid_thw.h * patches.grid_thw.w;
  const std::size_t width = pixels.size() / static_cast<std::size_t>(count);
  return tensor::for_row_blocks(count, kVisionRows, [&](int first, int rows) {
    const std::span part = pixels.subspan(static_cast<std::size_t>(first) * width,
                                          static_cast<std::size_t>(rows) * width);
    return patch_embed_(mx::astype(tensor::from_host_rows(part, rows),
                                   tensor::compute_dtype(patch_embed_.dtype())));
  });
}

mx::array VisionModel::attend(const Block& block, const mx::array& x, const tensor::Rotary& rotary,
                              std::span<const int> cu_seqlens, const StopToken& stop) const {
  const int head_dim = config_.hidden_size / config_.num_heads;
  std::vector<mx::array> qkv =
      tensor::Linear::multiply_all(block.norm1(x), {&block.query, &block.key, &block.value});
  for (mx::array& part : qkv) {
    part = tensor::reshape(part, {x.shape(0), config_.num_heads, head_dim});
  }
  qkv[0] = rotary(qkv[0]);
  qkv[1] = rotary(qkv[1]);
  const mx::array attention = tensor::segment_attention(
      qkv[0], qkv[1], qkv[2], cu_seqlens, 1.0f / std::sqrt(static_cast<float>(head_dim)),
      tensor::cpu::Precision::kFloat32, stop);
  qkv.clear();
  return block.proj.forward_residual(x, attention);
}

mx::array VisionModel::feed_forward(const Block& block, const mx::array& x) const {
  return tensor::for_row_blocks(x.shape(0), kVisionRows, [&](int first, int count) {
    const mx::array rows = mx::slice(x, {first, 0}, {first + count, x.shape(1)});
    const mx::array hidden =
        block.linear_fc1.forward_activation(block.norm2(rows), tensor::cpu::Activation::kGeluTanh);
    return block.linear_fc2.forward_residual(rows, hidden);
  });
}

ImageFeatures VisionModel::encode(Patches patches, const StopToken& stop,
                                  const ActivationHook& hook) const {
  const GridThw grid = patches.grid_thw;
  const auto observe = [&](const std::string& stage, const mx::array& output) {
    if (hook) hook(stage, output);
  };
  mx::array x = embed(patches);
  patches = {};
  observe("vision.patch_embed", x);
  x = tensor::add(x, position_embeddings(grid));
  observe("vision.embedded", x);
  const tensor::Rotary rotary = vision_rotary(grid, config_);
  std::vector<int> cu_seqlens;  // a frame sees itself only
  for (int t = 0; t <= grid.t; ++t) cu_seqlens.push_back(t * grid.h * grid.w);

  std::vector<mx::array> deepstack;
  const std::vector<int>& levels = config_.deepstack_visual_indexes;
  for (int layer = 0; layer < config_.depth; ++layer) {
    throw_if_stopped(stop);
    const Block& block = blocks_[static_cast<std::size_t>(layer)];
    x = feed_forward(block, attend(block, x, rotary, cu_seqlens, stop));
    x.eval();
    observe("vision.layer." + std::to_string(layer), x);
    const auto level = std::find(levels.begin(), levels.end(), layer);
    if (level != levels.end()) {
      deepstack.push_back(deepstack_mergers_[static_cast<std::size_t>(level - levels.begin())](x));
      deepstack.back().eval();
      observe("vision.deepstack." + std::to_string(deepstack.size() - 1), deepstack.back());
    }
  }
  mx::array merged = merger_(x);
  merged.eval();
  observe("vision.merged", merged);
  return {grid, std::move(merged), std::move(deepstack)};
}

PassCost VisionModel::cost_of(int patches) const {
  PassCost work;
  const auto rows = static_cast<std::uint64_t>(patches);
  const auto merged =
      rows / static_cast<std::uint64_t>(config_.spatial_merge_size * config_.spatial_merge_size);
  work.add(patch_embed_, rows);
  for (const Block& block : blocks_) {
    for (const auto* linear : {&block.query, &block.key, &block.value, &block.proj,
                               &block.linear_fc1, &block.linear_fc2}) {
      work.add(*linear, rows);
    }
    work.multiply_adds += 2 * rows * rows * static_cast<std::uint64_t>(config_.hidden_size);
  }
  merger_.add_cost(merged, work);
  for (const PatchMerger& merger : deepstack_mergers_) merger.add_cost(merged, work);
  return work;
}

}  // namespace oko::models::qwen3_vl
