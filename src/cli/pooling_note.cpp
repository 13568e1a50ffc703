#include "cli/pooling_note.h"

#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {

void say_assumed_pooling(const std::filesystem::path& model) {
  say_note(words(
      "{}: no modules.json says how a text's vector is made: the first token's is taken, as in "
      "BGE-M3; sentence-transformers would take the mean",
      "{}: нет modules.json, где сказано, как получать вектор текста: берётся вектор первого "
      "токена, как в BGE-M3; sentence-transformers взял бы среднее",
      model.string()));
  say_hint(words("download modules.json and the folder 1_Pooling of the model, too",
                 "скачайте и modules.json, и папку 1_Pooling этой модели"));
}

}  // namespace oko::cli
