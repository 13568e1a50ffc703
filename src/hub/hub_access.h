#pragma once

#include <string>

namespace oko::hub {

/// The hub, as huggingface_hub's variables set it.
struct HubAccess {
  /// $HF_ENDPOINT without a slash at its end, else "https://huggingface.co".
  std::string endpoint;
  /// $HF_TOKEN, else $HUGGING_FACE_HUB_TOKEN, else the content of $HF_TOKEN_PATH, by default the
  /// file "token" of Hugging Face's folder. Empty: none, or $HF_HUB_DISABLE_IMPLICIT_TOKEN is set
  /// and the first two are not.
  std::string token = {};
  bool offline = false;  ///< $HF_HUB_OFFLINE or $TRANSFORMERS_OFFLINE: no request may be sent
};

/// Throws kUsage: HF_ENDPOINT is no URL of http or https.
HubAccess hub_access();

}  // namespace oko::hub
