#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "hub/hub_access.h"
#include "net/http_client.h"

namespace oko::hub {

/// A file of a repository, as the hub lists it.
struct RepositoryFile {
  std::string path;        ///< inside the repository, with "/"
  std::uint64_t size = 0;  ///< bytes
  std::string sha256;      ///< hexadecimal; of a file in LFS, else ""
  std::string git_sha1;    ///< hexadecimal, of "blob SIZE\0" and the bytes; of other files, else ""
  /// Of the file that oko has written, if it has padded the header (Padding).
  std::uint64_t stored_size = 0;
  std::string stored_sha256 = {};  ///< empty: it has written what was published

  /// The bytes and the SHA-256 on the disk in place of those published.
  RepositoryFile stored() const {
    return stored_sha256.empty() ? *this : RepositoryFile{path, stored_size, stored_sha256, ""};
  }
  bool is_same_published(const RepositoryFile& other) const {
    return path == other.path && size == other.size && sha256 == other.sha256 &&
           git_sha1 == other.git_sha1;
  }
  bool operator==(const RepositoryFile&) const = default;
};

/// A repository of a model at one commit.
struct Repository {
  std::string name;    ///< "ORG/NAME"
  std::string commit;  ///< hexadecimal
  std::vector<RepositoryFile> files;
  std::string requested = {};  ///< the branch, tag or commit that was asked for; empty: unknown
};

/// True for "ORG/NAME", as Hugging Face allows it.
bool is_repository_name(const std::string& name);

/// The name of a model as a user may type it: also the address of its page, with slashes at its
/// end, or a short name in capitals. Other texts stay as they are.
std::string plain_model_name(const std::string& typed);

/// True for a whole commit: 40 hexadecimal digits.
bool is_commit(const std::string& revision);

/// The repository of a short name ("qwen3-vl-4b"); empty if there is none.
std::string repository_of_short_name(const std::string& name);
/// The short name of a repository; empty if it has none.
std::string short_name_of(const std::string& repository);
/// Bytes that a pull of a known model downloads: by a short name, its repository, or "bge-m3",
/// whose original weights they are. Nothing for others.
std::optional<std::uint64_t> download_bytes_of(const std::string& name);
/// All short names, for messages.
std::vector<std::string> short_names();

/// Asks the hub for the commit of `revision`: a branch, a tag or a commit (huggingface_hub:
/// HfApi.model_info). Throws kModelNotFound: no such repository or revision, or not for this user;
/// kFailed: the hub cannot be reached, or answers something else.
std::string commit_of(net::HttpClient& client, const HubAccess& access, const std::string& name,
                      const std::string& revision, const StopToken& stop);

/// That commit and those of its files that a model may need (HfApi.list_repo_tree). Throws as
/// `commit_of`.
Repository list_repository(net::HttpClient& client, const HubAccess& access,
                           const std::string& name, const std::string& revision,
                           const StopToken& stop);

/// The files that oko needs to run or convert the model: settings, tokenizer, one kind of weights,
/// the heads of BGE-M3, the modules of sentence-transformers. Throws kBadModel: it has none that
/// oko reads.
std::vector<RepositoryFile> files_of_model(const Repository& repository);

/// The address of a file.
std::string file_url(const HubAccess& access, const Repository& repository,
                     const std::string& path);

}  // namespace oko::hub
