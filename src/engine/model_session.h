#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "engine/model_host.h"
#include "engine/stopwatch.h"
#include "tensor/weights.h"

namespace oko::engine {

/// `given`, or a host without a limit whose kernels have `threads` threads.
inline std::shared_ptr<ModelHost> host_or_own(std::shared_ptr<ModelHost> given,
                                              std::size_t threads) {
  if (given != nullptr) return given;
  return std::make_shared<ModelHost>(HostOptions{.threads = threads});
}

/// A model of a folder that its host loads and unloads. Used by the model thread, except
/// `needed_bytes`.
template <typename Model>
class ModelSession : public LoadableModel {
 public:
  /// Calls `prepare_weights` before the weights are measured; it may be empty.
  ModelSession(std::filesystem::path folder, const std::function<void()>& prepare_weights)
      : folder_(std::move(folder)) {
    if (prepare_weights) prepare_weights();
    weight_bytes_ = tensor::Weights::bytes_on_disk(folder_);
    copied_bytes_ = tensor::Weights::bytes_beyond_disk(folder_);
  }

  /// Memory of the loaded model: its files, and the weights that a load copies.
  std::uint64_t needed_bytes() const { return weight_bytes_ + copied_bytes_; }

  /// Throws kBadModel; an earlier loaded model stays then.
  void load() override {
    const Stopwatch watch;
    std::unique_ptr<Model> loaded = Model::load(folder_);
    tensor::Weights::require_bytes_on_disk(folder_, weight_bytes_);
    model_ = std::move(loaded);
    load_seconds_ = watch.seconds();
  }

  void unload() noexcept override { model_.reset(); }

  bool is_current() const override { return model_->files().is_current(); }

  bool is_loaded() const { return model_ != nullptr; }

  /// The model, which must be loaded.
  const Model& model() const { return *model_; }

  /// The time of a load that no request has reported yet.
  double take_load_seconds() { return std::exchange(load_seconds_, 0); }

 protected:
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::uint64_t weight_bytes_ = 0;  ///< of the files
  std::uint64_t copied_bytes_ = 0;  ///< that a load takes beyond them
  std::unique_ptr<Model> model_;
  double load_seconds_ = 0;
};

}  // namespace oko::engine
