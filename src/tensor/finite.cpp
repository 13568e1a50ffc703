#include "tensor/finite.h"

#include <cmath>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/device.h"

namespace oko::tensor {

void require_finite(float largest) {
  if (std::isfinite(largest)) return;
  throw Error(
      ErrorCode::kBadModel,
      tr("the model computes values that are not numbers (NaN)", "модель вычисляет не числа (NaN)"),
      converts_to_float16() ? tr("they may be too large for float16: unset OKO_DTYPE",
                                 "возможно, они велики для float16: уберите OKO_DTYPE")
                            : tr("its weights are damaged: download it again",
                                 "веса повреждены: скачайте модель заново"));
}

}  // namespace oko::tensor
