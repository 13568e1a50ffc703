#pragma once

#include <cstddef>

namespace oko::tensor::cpu {

// Operations on the rows of f32 matrices, (rows, width) and contiguous, on `thread_pool()`. Outputs
// may be the inputs themselves.

/// out = x / sqrt(mean(x²) + epsilon) * weight.
void rms_norm(const float* x, const float* weight, float epsilon, std::size_t rows,
              std::size_t width, float* out);

/// out = (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias.
void layer_norm(const float* x, const float* weight, const float* bias, float epsilon,
                std::size_t rows, std::size_t width, float* out);

/// out = a + b.
void add(const float* a, const float* b, std::size_t rows, std::size_t width, float* out);

/// out = silu(gate) * up.
void swiglu(const float* gate, const float* up, std::size_t rows, std::size_t width, float* out);

/// out = gelu(x), the tanh approximation.
void gelu_tanh(const float* x, std::size_t rows, std::size_t width, float* out);

/// out = gelu(x), right to 3e-7.
void gelu(const float* x, std::size_t rows, std::size_t width, float* out);

/// Rotary embedding in the "rotate half" form: out[j] = x[j] cos[j] - x[j + d/2] sin[j] and
/// out[j + d/2] = x[j + d/2] cos[j] + x[j] sin[j] for each of `heads` heads of `head_dim` d.
/// x: (rows, heads, head_dim), rows `x_stride` floats apart; out: contiguous; cos, sin: (rows,
/// head_dim / 2).
void rotate(const float* x, std::size_t x_stride, const float* cos, const float* sin,
            std::size_t rows, std::size_t heads, std::size_t head_dim, float* out);

}  // namespace oko::tensor::cpu
