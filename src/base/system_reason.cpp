#include "base/system_reason.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace oko {
namespace {

constexpr std::array<std::pair<int, const char*>, 24> kRussian{{
    {EACCES, "нет прав доступа"},
    {EAGAIN, "ресурс временно недоступен"},
    {EBADF, "поток закрыт"},
    {EBUSY, "файл или устройство занято"},
    {EDQUOT, "превышена дисковая квота"},
    {EEXIST, "файл уже есть"},
    {EFBIG, "файл слишком велик"},
    {EINVAL, "недопустимое значение"},
    {EIO, "ошибка ввода-вывода"},
    {EISDIR, "это папка"},
    {ELOOP, "слишком много символических ссылок"},
    {EMFILE, "процесс открыл слишком много файлов"},
    {ENAMETOOLONG, "слишком длинное имя файла"},
    {ENFILE, "в системе открыто слишком много файлов"},
    {ENODEV, "нет такого устройства"},
    {ENOENT, "нет такого файла или папки"},
    {ENOMEM, "не хватает памяти"},
    {ENOSPC, "на диске нет места"},
    {ENOTDIR, "это не папка"},
    {ENOTEMPTY, "папка не пуста"},
    {ENXIO, "нет такого устройства или адреса"},
    {EPERM, "действие не разрешено"},
    {EPIPE, "читающая программа закрыла канал"},
    {EROFS, "файловая система только для чтения"},
}};

}  // namespace

/// UBSan's vptr check opens a file, which fails if the process has no descriptor left.
__attribute__((no_sanitize("vptr"))) LocalizedText system_reason(int error) {
  const auto known = std::find_if(kRussian.begin(), kRussian.end(),
                                  [&](const auto& text) { return text.first == error; });
  const std::string english = std::generic_category().message(error);
  return known == kRussian.end() ? LocalizedText(english) : LocalizedText(english, known->second);
}

}  // namespace oko
