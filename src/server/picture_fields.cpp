#include "server/picture_fields.h"

#include <optional>
#include <string>

namespace oko::server {

void read_picture_fields(const RequestFields& fields, ChatTask& task) {
  if (const auto boxes = fields.text("boxes")) {
    if (*boxes != "pixels") refuse_value(fields.name_of("boxes"), tr("pixels", "pixels"));
    task.gives_boxes = true;
  }
  const RequestJson* ocr = fields.find("ocr");
  if (ocr == nullptr) return;
  std::optional<tasks::ReadText> when;
  if (ocr->is_boolean()) {
    when = ocr->get<bool>() ? tasks::ReadText::kWhereItFits : tasks::ReadText::kNever;
  } else if (ocr->is_string()) {
    when = tasks::read_text_of(ocr->get_ref<const std::string&>());
  }
  if (!when) {
    refuse_value(fields.name_of("ocr"), tr("auto, on, off or a flag", "auto, on, off или флаг"));
  }
  task.read_text = when;
}

}  // namespace oko::server
