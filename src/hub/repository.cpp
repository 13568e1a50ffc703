#include "hub/repository.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/duration_text.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "hub/model_path.h"

namespace oko::hub {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxAnswer = 16'000'000;  // bytes of a page of a list
constexpr std::size_t kMaxFiles = 20'000;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 42;

constexpr std::array<std::pair<const char*, const char*>, 4> kShortNames = {{
    {"qwen3-vl-2b", "mlx-community/Qwen3-VL-2B-Instruct-4bit"},
    {"qwen3-vl-4b", "mlx-community/Qwen3-VL-4B-Instruct-4bit"},
    {"qwen3-vl-8b", "mlx-community/Qwen3-VL-8B-Instruct-4bit"},
    {"qwen3-vl-32b", "mlx-community/Qwen3-VL-32B-Instruct-4bit"},
}};

/// Published sizes in 4 bits, the vision encoder in 16: in the order of kShortNames.
constexpr std::array<std::uint64_t, kShortNames.size()> kDownloadBytes{
    1'800'000'000, 3'100'000'000, 5'800'000'000, 19'600'000'000};

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Percent-encodes all but unreserved characters (RFC 3986) and, in a path, "/".
std::string encoded(std::string_view text, bool is_path) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (is_path && c == '/');
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

/// True if a file of that path lies inside the folder that it is written to.
bool is_inside(const std::string& path) {
  const auto is_name = [](const std::filesystem::path& part) {
    return !part.empty() && part != "." && part != "..";
  };
  const std::filesystem::path parts(path);
  const bool has_controls = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  return is_plain_utf8(path) && !has_controls && parts.is_relative() &&
         path.find('\\') == path.npos && path.find("//") == path.npos && path.size() < 1000 &&
         !path.empty() && std::all_of(parts.begin(), parts.end(), is_name);
}

[[noreturn]] void fail_strange(const std::string& url, const LocalizedText& what) {
  throw Error(ErrorCode::kFailed, tr("{}: {}", "{}: {}", net::shown_url(url), what),
              tr("a proxy or a login page may answer: check HF_ENDPOINT and the network",
                 "возможно, отвечает прокси или страница входа: проверьте HF_ENDPOINT и сеть"));
}

json parse(const std::string& url, const std::string& body) {
  json parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    fail_strange(url, tr("the answer is not JSON", "ответ — не JSON"));
  }
  return parsed;
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

std::uint64_t size_in(const json& object) {
  const auto found = object.find("size");
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                              : kMaxFileBytes + 1;
}

/// True for files of settings and tokenizers, the license and the files of whole weights, but
/// weights of PyTorch.
bool is_of_model(const std::filesystem::path& path) {
  constexpr std::array kExtensions = {".json", ".jinja", ".txt", ".model", ".safetensors"};
  const std::string name = path.filename().string();
  return std::find(kExtensions.begin(), kExtensions.end(), path.extension()) != kExtensions.end() ||
         name == "LICENSE" || name == "sparse_linear.pt" || name == "colbert_linear.pt";
}

/// True for the folder of a module of sentence-transformers: "1_Pooling".
bool is_module(const std::filesystem::path& folder) {
  const std::string name = folder.string();
  const std::size_t digits = name.find_first_not_of("0123456789");
  return digits > 0 && digits != name.npos && name[digits] == '_' && !folder.has_parent_path();
}

/// True for weights of PyTorch at the top.
bool is_torch(const std::filesystem::path& path) {
  return path.string().starts_with("pytorch_model") && !path.has_parent_path();
}

/// True for a file that oko may need of a model.
bool may_be_of_model(const std::filesystem::path& path) {
  if (is_module(path.parent_path()) && path.extension() == ".bin") return true;
  const bool in_place = !path.has_parent_path() || is_module(path.parent_path());
  return is_torch(path) || (in_place && is_of_model(path));
}

/// The file that an entry of a list tells of; nothing for a folder, and for what no model needs,
/// whatever its entry says.
std::optional<RepositoryFile> file_in(const json& entry, const std::string& url) {
  if (text_in(entry, "type") != "file" || !may_be_of_model(text_in(entry, "path"))) {
    return std::nullopt;
  }
  RepositoryFile file{text_in(entry, "path"), size_in(entry), "", ""};
  const auto lfs = entry.find("lfs");
  if (lfs != entry.end() && lfs->is_object()) {
    file.size = size_in(*lfs);
    file.sha256 = text_in(*lfs, "oid");
    if (file.sha256.starts_with("sha256:")) file.sha256.erase(0, 7);
  } else {
    file.git_sha1 = text_in(entry, "oid");
  }
  const bool has_hash = is_hexadecimal(file.sha256, 64) || is_hexadecimal(file.git_sha1, 40);
  if (!is_inside(file.path) || file.size > kMaxFileBytes || !has_hash) {
    fail_strange(url, tr("the list has a wrong entry: {}", "в списке неверная запись: {}",
                         excerpt(file.path)));
  }
  return file;
}

/// The address of the next page in a field "Link" (RFC 8288); empty if there is none.
std::string next_page(const net::HttpHead& head) {
  const std::string links = head.field("link");
  for (std::size_t at = links.find('<'); at != links.npos; at = links.find('<', at + 1)) {
    const std::size_t end = links.find('>', at);
    if (end == links.npos) break;
    const std::string rest = links.substr(end, links.find('<', end) - end);
    if (rest.find("rel=\"next\"") != rest.npos) return links.substr(at + 1, end - at - 1);
  }
  return {};
}

/// Throws for a status that tells of no list.
void require_found(const net::HttpClient::Answer& answer, const std::string& url,
                   const std::string& name, const std::string& revision, bool has_token) {
  const int status = answer.result.head.status;
  if (status == 200) return;
  const std::string code = answer.result.head.field("x-error-code");
  if (code == "RevisionNotFound") {
    throw Error(ErrorCode::kModelNotFound,
                tr("{}: has no revision {}", "{}: нет ревизии {}", name, excerpt(revision)),
                tr("check the revision: a branch, a tag or a commit",
                   "проверьте ревизию: ветка, метка или коммит"));
  }
  if (code == "GatedRepo" || status == 403) {
    throw Error(ErrorCode::kModelNotFound,
                tr("{}: access to this model must be granted first",
                   "{}: доступ к этой модели сначала нужно получить", name),
                tr("accept its terms on its page, and set HF_TOKEN to a token that may read it",
                   "примите условия на её странице и укажите в HF_TOKEN токен с правом чтения"));
  }
  // The hub answers 401 for names that do not exist, so that private ones stay unknown.
  if (status == 401 || status == 404) {
    throw Error(ErrorCode::kModelNotFound,
                tr("{}: {} has no such model, or it is private",
                   "{}: на {} нет такой модели, или она закрыта", name, net::shown_url(url)),
                has_token ? tr("check the name and the token (HF_TOKEN)",
                               "проверьте имя и токен (HF_TOKEN)")
                          : tr("check the name; for a private model set HF_TOKEN",
                               "проверьте имя; для закрытой модели укажите HF_TOKEN"));
  }
  if (status == 429) {
    throw Error(
        ErrorCode::kFailed,
        tr("{}: too many requests (429)", "{}: слишком много запросов (429)", net::shown_url(url)),
        answer.result.retry_after
            ? tr("the hub asks to wait {}; a token (HF_TOKEN) raises the limit",
                 "хаб просит подождать {}; с токеном (HF_TOKEN) предел выше",
                 duration_text(*answer.result.retry_after))
            : tr("wait some minutes; a token (HF_TOKEN) raises the limit",
                 "подождите несколько минут; с токеном (HF_TOKEN) предел выше"));
  }
  if (status >= 500) {
    throw Error(ErrorCode::kFailed,
                tr("{}: status {}", "{}: статус {}", net::shown_url(url), status),
                tr("the hub is busy or at work: try again later",
                   "хаб перегружен или обслуживается: попробуйте позже"));
  }
  fail_strange(url, tr("status {}", "статус {}", status));
}

net::HttpClient::Answer ask(net::HttpClient& client, const HubAccess& access,
                            const std::string& url, const std::string& name,
                            const std::string& revision, const StopToken& stop) {
  net::HttpClient::Answer answer =
      client.fetch({.url = url, .token = access.token}, kMaxAnswer, stop);
  require_found(answer, access.endpoint, name, revision, !access.token.empty());
  return answer;
}

}  // namespace

bool is_repository_name(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  };
  return !name.empty() && name.front() != '/' && name.front() != '.' && name.back() != '/' &&
         name.find("/.") == name.npos && name.find("..") == name.npos &&
         std::count(name.begin(), name.end(), '/') == 1 &&
         std::all_of(name.begin(), name.end(), is_letter);
}

std::string plain_model_name(const std::string& typed) {
  std::string name(trimmed(typed));
  for (const std::string_view hub : {"https://huggingface.co/", "http://huggingface.co/",
                                     "huggingface.co/", "https://hf.co/", "hf.co/"}) {
    if (!lower_case(name).starts_with(hub)) continue;
    name = name.substr(hub.size(), name.find_first_of("?#") - hub.size());
    const std::size_t slash = name.find('/');
    if (slash != name.npos) name = name.substr(0, name.find('/', slash + 1));  // "/tree/main"
    break;
  }
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  const std::string lower = lower_case(name);
  const bool is_short = lower == kDefaultEmbeddingModel || !repository_of_short_name(lower).empty();
  return is_short ? lower : name;
}

bool is_commit(const std::string& revision) {
  constexpr std::size_t kDigits = 40;
  return is_hexadecimal(revision, kDigits);
}

std::string repository_of_short_name(const std::string& name) {
  for (const auto& [known, repository] : kShortNames) {
    if (name == known) return repository;
  }
  return {};
}

std::string short_name_of(const std::string& repository) {
  for (const auto& [name, known] : kShortNames) {
    if (repository == known) return name;
  }
  return {};
}

std::optional<std::uint64_t> download_bytes_of(const std::string& name) {
  constexpr std::uint64_t kEmbeddingBytes = 2'300'000'000;
  if (name == "bge-m3" || name == "BAAI/bge-m3") return kEmbeddingBytes;
  for (std::size_t i = 0; i < kShortNames.size(); ++i) {
    if (name == kShortNames[i].first || name == kShortNames[i].second) return kDownloadBytes[i];
  }
  return std::nullopt;
}

std::vector<std::string> short_names() {
  std::vector<std::string> names;
  names.reserve(kShortNames.size());
  for (const auto& [name, repository] : kShortNames) names.emplace_back(name);
  return names;
}

std::string commit_of(net::HttpClient& client, const HubAccess& access, const std::string& name,
                      const std::string& revision, const StopToken& stop) {
  const std::string url =
      fmt::format("{}/api/models/{}/revision/{}", access.endpoint, name, encoded(revision, false));
  const net::HttpClient::Answer answer = ask(client, access, url, name, revision, stop);
  std::string commit = text_in(parse(url, answer.body), "sha");
  if (!is_commit(commit)) {
    fail_strange(url, tr("the answer names no commit", "в ответе нет коммита"));
  }
  return commit;
}

Repository list_repository(net::HttpClient& client, const HubAccess& access,
                           const std::string& name, const std::string& revision,
                           const StopToken& stop) {
  Repository repository{name, commit_of(client, access, name, revision, stop), {}, revision};
  constexpr std::size_t kMaxPages = 1000;
  std::set<std::string> paths, pages;
  const auto deadline = std::chrono::steady_clock::now() + client.options().whole_list;
  std::string url = fmt::format("{}/api/models/{}/tree/{}?recursive=true&expand=false",
                                access.endpoint, name, repository.commit);
  while (!url.empty()) {
    if (!pages.insert(url).second || pages.size() > kMaxPages) {
      fail_strange(url, tr("the list has no end", "список не кончается"));
    }
    if (std::chrono::steady_clock::now() > deadline) {
      fail_strange(url, tr("the list takes longer than {}", "список идёт дольше {}",
                           duration_text(client.options().whole_list)));
    }
    const net::HttpClient::Answer answer = ask(client, access, url, name, revision, stop);
    const json list = parse(url, answer.body);
    if (!list.is_array()) fail_strange(url, tr("the answer is not a list", "ответ — не список"));
    for (const json& entry : list) {
      const auto file = file_in(entry, url);
      if (!file) continue;
      if (!paths.insert(file->path).second || paths.size() > kMaxFiles) {
        fail_strange(url,
                     tr("the list has a file twice, or too many: {}",
                        "файл в списке дважды, или их слишком много: {}", excerpt(file->path)));
      }
      repository.files.push_back(*file);
    }
    url = next_page(answer.result.head);
    constexpr std::string_view kHub = "https://huggingface.co/";
    if (url.starts_with(kHub))
      url = access.endpoint + "/" + url.substr(kHub.size());  // of a mirror
    // A page elsewhere would get the token.
    if (!url.empty() && !url.starts_with(access.endpoint + "/")) {
      fail_strange(
          url, tr("the list goes on at another address", "список продолжается по другому адресу"));
    }
  }
  return repository;
}

std::vector<RepositoryFile> files_of_model(const Repository& repository) {
  const auto at_top = [](const RepositoryFile& file) {
    return file.path.find('/') == file.path.npos;
  };
  const auto has = [&](std::string_view extension, std::string_view front) {
    return std::any_of(
        repository.files.begin(), repository.files.end(), [&](const RepositoryFile& file) {
          return at_top(file) && file.path.ends_with(extension) && file.path.starts_with(front);
        });
  };
  const bool has_safetensors = has(".safetensors", "");
  const bool has_torch = has(".bin", "pytorch_model");
  if (!has("config.json", "config.json") || (!has_safetensors && !has_torch)) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: has no weights that oko reads (config.json with *.safetensors or "
                   "pytorch_model.bin)",
                   "{}: нет весов, которые читает oko (config.json с *.safetensors или "
                   "pytorch_model.bin)",
                   repository.name),
                tr("name the repository of an MLX model or of a Hugging Face one",
                   "укажите репозиторий модели MLX или Hugging Face"));
  }
  std::vector<RepositoryFile> files;
  for (const RepositoryFile& file : repository.files) {
    const bool wanted = is_torch(file.path) ? !has_safetensors : may_be_of_model(file.path);
    if (wanted) files.push_back(file);
  }
  // The small ones first: a wrong model is known before its weights have come.
  std::stable_sort(files.begin(), files.end(),
                   [](const auto& a, const auto& b) { return a.size < b.size; });
  return files;
}

std::string file_url(const HubAccess& access, const Repository& repository,
                     const std::string& path) {
  return fmt::format("{}/{}/resolve/{}/{}", access.endpoint, repository.name, repository.commit,
                     encoded(path, true));
}

}  // namespace oko::hub
