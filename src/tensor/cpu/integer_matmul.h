#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/cpu/matmul.h"

namespace oko::tensor::cpu {

/// True if the integer kernel is faster for this weight and m rows of x: quantized weights
/// always; dense ones of 16 bits where many rows share what rounding them costs, and the processor
/// multiplies pairs of 16-bit numbers. Never for Precision::kFloat32.
bool prefers_int_gemm(const WeightMatrix& weight, std::size_t m, Precision precision);

/// All products of x with quantized weights that share bits and group size, those of codes
/// with integer activations: y = sum over groups of scale · x_scale · (codes · q) + bias ·
/// (sum of x), with 16-bit q (see IntegerInput). Only the rounding of x to q separates it from the
/// f32 product. 8 bits are twice as fast, but change the most likely token at every tenth position
/// of a random model; with Precision::kInt8Activations they meet 8-bit codes if the processor
/// has an instruction for that.
///
/// Dense weights become integers of 12 bits with a scale for 64 columns, finer than bf16 for
/// most of them, and x of 15 bits.
///
/// A few rows of x read the weight once from memory (with VNNI 2 to 8 rows transpose it on the way,
/// see few_rows-inl.h), more unpack it a block at a time, and with Precision::kInt8Activations any
/// number does. More than kMaxGemvRows meet codes in AMX's tiles where it is, with the same bits.
void integer_matmul(const float* x, std::size_t m, std::span<const GemmTask> products,
                    Precision precision);

/// Adds the activation and the residual of each task to a product that ends with the bias.
void finish_products(std::size_t m, std::span<const GemmTask> products);

/// Bytes of the integers of x that the calling thread keeps for its next product.
std::uint64_t integer_input_bytes();

/// Frees the integers of x that the calling thread keeps for its next product.
void trim_integer_input();

}  // namespace oko::tensor::cpu
