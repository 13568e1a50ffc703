#pragma once

#include <mlx/array.h>

#include <vector>

#include "base/stop_token.h"
#include "models/activation_hook.h"
#include "models/pass_cost.h"
#include "models/qwen3_vl/checkpoint.h"
#include "models/qwen3_vl/image_processor.h"
#include "tensor/layers.h"
#include "tensor/linear.h"
#include "tensor/rotary.h"

namespace oko::models::qwen3_vl {

namespace mx = mlx::core;

/// The language model's input for one picture. Keep both parts together: features without their
/// DeepStack levels give other answers.
struct ImageFeatures {
  GridThw grid_thw;
  mx::array merged;                  ///< (tokens, text hidden_size)
  std::vector<mx::array> deepstack;  ///< one a level, each (tokens, text hidden_size)

  std::size_t bytes() const;

  /// A placeholder for a picture whose tokens a sequence has read already: never used.
  static ImageFeatures none() { return {{}, mx::array(0), {}}; }
};

/// Merges spatial_merge_size² neighbouring patches into one token of the text model's width.
class PatchMerger {
 public:
  /// The last merger normalises each patch, those of DeepStack the merged ones
  /// ("use_postshuffle_norm").
  PatchMerger(const LayerLoader& load, const VisionConfig& config, bool norm_after_merge);
  /// (patches, hidden_size) -> (patches / merge², out_hidden_size)
  mx::array operator()(const mx::array& x) const;

  void add_cost(std::uint64_t merged_tokens, PassCost& work) const;

 private:
  bool norm_after_merge_;
  int merged_size_;
  tensor::LayerNorm norm_;
  tensor::Linear linear_fc1_;
  tensor::Linear linear_fc2_;
};

/// Qwen3-VL's vision tower: a ViT with interpolated position embeddings and 2D rotary attention,
/// and DeepStack mergers (arXiv:2406.04334) at some of its layers. Reference: transformers,
/// Qwen3VLVisionModel.
class VisionModel {
 public:
  explicit VisionModel(const Checkpoint& checkpoint);

  /// Runs one picture; the result is evaluated. Memory grows linearly with its patches: attention
  /// and the MLP work in blocks, and layers are evaluated one by one. Throws kCancelled between
  /// layers.
  ImageFeatures encode(Patches patches, const StopToken& stop, const ActivationHook& hook) const;

  /// The cost of a picture of `patches` patches: all products, those of attention included.
  PassCost cost_of(int patches) const;

 private:
  struct Block {
    Block(const LayerLoader& load, const VisionConfig& config);
    Block(const LayerLoader& load, const VisionConfig& config, const tensor::Linear& qkv);
    tensor::LayerNorm norm1, norm2;
    tensor::Linear query, key, value;  ///< of the checkpoint's attn.qkv
    tensor::Linear proj, linear_fc1, linear_fc2;
  };

  mx::array embed(const Patches& patches) const;
  mx::array position_embeddings(const GridThw& grid) const;
  mx::array attend(const Block& block, const mx::array& x, const tensor::Rotary& rotary,
                   std::span<const int> cu_seqlens, const StopToken& stop) const;
  mx::array feed_forward(const Block& block, const mx::array& x) const;

  VisionConfig config_;
  tensor::Linear patch_embed_;
  tensor::Linear pos_embed_;
  std::vector<Block> blocks_;
  PatchMerger merger_;
  std::vector<PatchMerger> deepstack_mergers_;
};

}  // namespace oko::models::qwen3_vl
