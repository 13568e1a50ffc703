#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "hub/part_verifier.h"
#include "hub/repository.h"
#include "tests/support/http_server.h"

namespace oko {

/// A hub with one repository, which speaks Hugging Face's protocol. Files of at least `lfs_bytes`
/// are in LFS: it redirects them to a second server, as Hugging Face does to its storage.
class FakeHub {
 public:
  using Files = std::map<std::string, std::string>;  ///< content by path
  /// Changes the answer of the server that has a file's bytes. `count`: earlier requests for it.
  using Fault = std::function<void(ServerReply& reply, const ServerRequest& request, int count)>;

  explicit FakeHub(std::string name, Files files, std::size_t lfs_bytes = 1000,
                   std::string commit = FakeHub::commit())
      : name_(std::move(name)),
        files_(std::move(files)),
        lfs_bytes_(lfs_bytes),
        commit_(std::move(commit)),
        storage_([this](const ServerRequest& request) { return file_of(request, "/storage/"); }),
        hub_([this](const ServerRequest& request) { return answer(request); }) {}

  std::string url() const { return hub_.url(); }
  const HttpServer& server() const { return hub_; }
  const HttpServer& storage() const { return storage_; }
  static std::string commit() { return std::string(38, 'a') + "01"; }

  /// Requests for the file of that path at the server that has its bytes.
  int requests(const std::string& path) const {
    const MutexLock lock(mutex_);
    const auto found = counts_.find(path);
    return found == counts_.end() ? 0 : found->second;
  }

  /// Sets the fault of a file, at any time: `hub.fault("weights") = ...`.
  struct FaultSetter {
    FakeHub& hub;
    std::string path;
    void operator=(Fault fault) const {
      const MutexLock lock(hub.mutex_);
      hub.faults_[path] = std::move(fault);
    }
  };
  FaultSetter fault(const std::string& path) { return {*this, path}; }
  void clear_faults() {
    const MutexLock lock(mutex_);
    faults_.clear();
  }

  /// What a test sets while the threads of the servers run.
  template <typename T>
  class Setting {
   public:
    explicit Setting(T value = {}) : value_(std::move(value)) {}
    void operator=(T value) {
      const MutexLock lock(mutex_);
      value_ = std::move(value);
    }
    T get() const {
      const MutexLock lock(mutex_);
      return value_;
    }

   private:
    mutable Mutex mutex_;
    T value_ OKO_GUARDED_BY(mutex_);
  };
  Setting<std::string> token;  ///< that the hub wants; empty: none
  Setting<Fault> api_fault;    ///< of lists; count is 0
  Setting<std::size_t> files_on_page{1000};
  /// Commits of tags, besides "main". Set them before a request of this process.
  std::map<std::string, std::string> revisions;

  /// The entry of a file in the hub's list.
  hub::RepositoryFile listed(const std::string& path) const {
    const std::string& content = files_.at(path);
    hub::RepositoryFile file{path, content.size(), "", ""};
    if (content.size() >= lfs_bytes_) file.sha256 = "-";
    hub::FileDigest digest(file);
    digest.update(std::as_bytes(std::span(content)));
    (file.sha256.empty() ? file.git_sha1 : file.sha256) = digest.finish();
    return file;
  }

 private:
  ServerReply answer(const ServerRequest& request) {
    const std::string api = "/api/models/" + name_;
    const std::string resolve = "/" + name_ + "/resolve/" + commit_ + "/";
    const std::string wanted = token.get();
    if (!wanted.empty() && request.field("authorization") != "Bearer " + wanted) {
      return {.status = 401, .fields = {{"X-Error-Code", "RepoNotFound"}}, .body = "{}"};
    }
    ServerReply reply{.status = 404, .fields = {{"X-Error-Code", "RepoNotFound"}}, .body = "{}"};
    if (request.path.starts_with(api + "/revision/")) {
      const std::string revision = request.path.substr((api + "/revision/").size());
      if (const auto tag = revisions.find(revision); tag != revisions.end()) {
        reply = {.body = "{\"sha\":\"" + tag->second + "\"}"};
      } else if (revision == "main" || revision == commit_) {
        reply = {.body = "{\"sha\":\"" + commit_ + "\",\"private\":false}"};
      } else {
        reply.fields["X-Error-Code"] = "RevisionNotFound";
      }
    } else if (request.path.starts_with(api + "/tree/" + commit_)) {
      reply = list(request.path);
    } else if (request.path.starts_with(resolve)) {
      return resolved(request, resolve);
    }
    if (const Fault fault = api_fault.get()) fault(reply, request, 0);
    return reply;
  }

  ServerReply resolved(const ServerRequest& request, const std::string& front) {
    const std::string path = request.path.substr(front.size());
    const auto file = files_.find(path);
    if (file == files_.end()) return {.status = 404, .fields = {{"X-Error-Code", "EntryNotFound"}}};
    if (file->second.size() < lfs_bytes_) return file_of(request, front);
    return {.status = 302,
            .fields = {{"Location", storage_.url() + "/storage/" + path +
                                        "?X-Signature=" + std::to_string(++signatures_)},
                       {"X-Repo-Commit", commit_},
                       {"X-Linked-Size", std::to_string(file->second.size())}}};
  }

  ServerReply file_of(const ServerRequest& request, const std::string& front) {
    std::string path = request.path.substr(front.size());
    path = path.substr(0, path.find('?'));
    const auto file = files_.find(path);
    if (file == files_.end()) return {.status = 404};
    int count = 0;
    Fault fault;
    {
      const MutexLock lock(mutex_);
      count = counts_[path]++;
      if (const auto found = faults_.find(path); found != faults_.end()) fault = found->second;
    }
    ServerReply reply{.body = file->second};
    if (const auto range = request.range(file->second.size())) {
      reply.status = 206;
      reply.body = file->second.substr(range->first, range->second - range->first);
      reply.fields["Content-Range"] = "bytes " + std::to_string(range->first) + "-" +
                                      std::to_string(range->second - 1) + "/" +
                                      std::to_string(file->second.size());
    }
    if (fault) fault(reply, request, count);
    return reply;
  }

  ServerReply list(const std::string& path) const {
    const std::size_t cursor = path.find("cursor=");
    const std::size_t first = cursor == path.npos ? 0 : std::stoul(path.substr(cursor + 7));
    std::string body = "[{\"type\":\"directory\",\"oid\":\"0\",\"size\":0,\"path\":\"onnx\"}";
    const std::size_t on_page = files_on_page.get();
    std::size_t number = 0;
    for (const auto& [name, content] : files_) {
      ++number;
      if (number <= first || number > first + on_page) continue;
      const hub::RepositoryFile file = listed(name);
      const std::string size = std::to_string(file.size);
      body += ",{\"type\":\"file\",\"path\":\"" + name + "\",\"size\":" + size;
      body += file.sha256.empty()
                  ? ",\"oid\":\"" + file.git_sha1 + "\"}"
                  : ",\"oid\":\"" + std::string(40, '0') + "\",\"lfs\":{\"oid\":\"" + file.sha256 +
                        "\",\"size\":" + size + ",\"pointerSize\":134}}";
    }
    ServerReply reply{.body = body + "]"};
    if (first + on_page < files_.size()) {
      reply.fields["Link"] = "<" + hub_.url() + "/api/models/" + name_ + "/tree/" + commit_ +
                             "?recursive=true&cursor=" + std::to_string(first + on_page) +
                             ">; rel=\"next\"";
    }
    return reply;
  }

  std::string name_;
  Files files_;
  std::size_t lfs_bytes_;
  std::string commit_;
  mutable Mutex mutex_;
  std::map<std::string, int> counts_ OKO_GUARDED_BY(mutex_);
  std::atomic<int> signatures_{0};  ///< each redirect has its own, from 1
  std::map<std::string, Fault> faults_ OKO_GUARDED_BY(mutex_);  ///< by path
  HttpServer storage_, hub_;                                    // last: their threads use the rest
};

}  // namespace oko
