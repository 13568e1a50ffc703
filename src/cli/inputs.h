#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "base/temporary_file.h"

namespace oko::cli {

/// The files that a command line names: files, folders, which stand for the pictures and PDF in
/// them, addresses of pictures and PDF, and "-", standard input. The last two are kept in temporary
/// files, because pictures and PDF are read more than once.
class Inputs {
 public:
  /// An argument that gave no file.
  struct Failed {
    std::string name;
    Error error;
  };

  /// `quiet`: shows no progress of downloads. Throws kFailed of standard input, kCancelled.
  Inputs(const std::vector<std::string>& arguments, bool quiet, const StopToken& stop);

  /// In the order of the arguments.
  const std::vector<std::string>& paths() const { return paths_; }
  /// Where each path lies in the folder that was given, or its name: "2024/a.png".
  const std::vector<std::filesystem::path>& places() const { return places_; }
  const std::vector<Failed>& failed() const { return failed_; }
  std::size_t count() const { return paths_.size() + failed_.size(); }

  /// The user's name of a path in `paths`.
  std::string name_of(const std::string& path) const;

  /// `text` with the user's names for the paths of temporary files: for messages.
  LocalizedText named(const LocalizedText& text) const;

  /// The same for an error; a hint that lists formats names PDF, too.
  Error named(const Error& error) const;

  /// The same for an error of the path `path`; the hint for a file that is not there names the one
  /// that was meant.
  Error named(const Error& error, const std::string& path) const;

 private:
  void add(const std::string& argument, const StopToken& stop);
  void keep(std::unique_ptr<TemporaryFile> file, const std::string& name);

  bool quiet_;

  std::vector<std::string> paths_;
  std::vector<std::filesystem::path> places_;  ///< of `paths_`
  std::vector<Failed> failed_;
  std::vector<std::unique_ptr<TemporaryFile>> kept_;
  std::map<std::string, std::string> names_;  ///< of the paths of `kept_`, by the path
};

/// Throws the error of each argument, or of all, if none gave a file. `json`: prints a record of
/// each on stdout.
void require_paths(const Inputs& inputs, bool json);

/// The last part of an input's name, for lists: the name of the file.
std::string short_name(const std::string& name);

}  // namespace oko::cli
