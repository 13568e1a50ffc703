#include "ocr/known_words.h"

#include <string>

#include "text/utf8.h"

namespace oko::ocr {
namespace {

// Words between spaces. No Latin word here looks like a Russian one.
constexpr std::u32string_view kRussian =
    U" шт уп кв ул тел доб факс руб коп кг мг мл мм см км дм га мин сек мес нед сут лет кВт Вт МВт "
    U"кВ мА Ом Гц кГц МГц ГГц ГБ МБ КБ ТБ Мбит Дж Па кПа МПа атм об пр просп пер пл наб бул корп "
    U"стр оф пом эт под каб обл респ пос дер ст гор арт код дл выс шир диам разм вес ок рис табл "
    U"гл "
    U"др ИНН КПП ОГРН ОКПО БИК НДС ФИО ФН ФД ФП ГОСТ ТУ СНиП ООО АО ПАО ЗАО ИП МФУ ТВ ТО ПК зам "
    U"зав "
    U"нач гр чел экз ед изм кол гар макс мощн напр ном вн внутр моб раб дом хром оц нерж пром ост "
    U"фл кол-во т г д р л м ";
constexpr std::u32string_view kFunction =
    U" и в с к о у а на по от до из за для не но или как что при про без над об во со ко то же бы "
    U"ли ";
constexpr std::u32string_view kLatin =
    U" USB HDMI DVI VGA PDF JPEG JPG PNG GIF TIFF BMP SVG MP3 MP4 WAV AVI MKV FLAC ZIP RAR SSD HDD "
    U"RAM ROM CPU GPU LED OLED QLED LCD GPS GSM LTE NFC RFID SIM SMS MMS PIN PUK URL HTTP HTTPS "
    U"HTML XML JSON CSV SQL API IP ID DVD ISO EAN QR RGB IPS UPS ATX DIN VPN LAN WAN WLAN Wi Fi "
    U"Wi-Fi Bluetooth Windows Linux Android macOS iOS Word Excel Intel AMD Visa EUR USD DHL HP LG "
    U"VIN VAT DN PN PVC ABS AC DC PC CD Type mm cm km kg ml GB MB TB KB kHz MHz GHz Hz kW ";

bool is_part_of_word(char32_t c) {
  return script_of(c) != Script::kOther || is_digit(c);
}

/// The word without characters other than letters and digits at both ends.
std::u32string core_of(std::string_view word) {
  std::u32string core;
  for (std::size_t at = 0; at < word.size();) {
    const text::Utf8Step step = text::next_utf8(word, at);
    at += step.length;
    if (!core.empty() || is_part_of_word(step.code_point)) core += step.code_point;
  }
  while (!core.empty() && !is_part_of_word(core.back())) core.pop_back();
  return core;
}

bool contains(std::u32string_view list, const std::u32string& word) {
  return list.find(U' ' + word + U' ') != std::u32string_view::npos;
}

/// The word with its first letter small if that is Cyrillic.
std::u32string uncapitalized(std::u32string word) {
  if (script_of(word.front()) == Script::kCyrillic) word.front() = small_letter(word.front());
  return word;
}

}  // namespace

bool is_known_word(std::string_view word, Script script) {
  const std::u32string core = core_of(word);
  if (core.empty()) return false;
  if (script == Script::kLatin) return contains(kLatin, core);
  return contains(kRussian, core) || contains(kFunction, core) ||
         (core.size() > 1 && contains(kRussian, uncapitalized(core)));
}

bool is_function_word(std::string_view word) {
  const std::u32string core = core_of(word);
  return !core.empty() && contains(kFunction, core);
}

}  // namespace oko::ocr
