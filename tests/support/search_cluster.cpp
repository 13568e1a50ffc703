#include "tests/support/search_cluster.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include "tests/support/process.h"

namespace oko {
namespace {

std::unique_ptr<SearchCluster> shared;

class StopCluster : public ::testing::Environment {
 public:
  void TearDown() override { shared.reset(); }
};
const ::testing::Environment* const stop_cluster =
    ::testing::AddGlobalTestEnvironment(new StopCluster);

namespace fs = std::filesystem;

constexpr int kStartSeconds = 120;  // of a machine with much to do

/// The ports of a node that has printed "ready HTTP TRANSPORT" to a file.
bool read_ports(const fs::path& output, int& http, int& transport) {
  std::ifstream file(output);
  for (std::string word; file >> word;) {
    if (word == "ready") return static_cast<bool>(file >> http >> transport);
  }
  return false;
}

}  // namespace

SearchCluster::SearchCluster(int nodes) {
  if (!prepare()) return;
  folder_ = fs::temp_directory_path() / ("oko_cluster_" + std::to_string(::getpid()));
  fs::remove_all(folder_);
  fs::create_directories(folder_);
  for (int i = 0; i < nodes; ++i) {
    if (add_node()) continue;
    why_not_ = "no node came up: see " + folder_.string();
    return;
  }
}

SearchCluster::~SearchCluster() {
  for (Node& node : nodes_) end(node, SIGKILL);
  std::error_code ignored;
  if (why_not_.empty()) fs::remove_all(folder_, ignored);
}

bool SearchCluster::prepare() {
  const std::string script = std::string(OKO_SOURCE_DIR) + "/tests/opensearch/prepare.sh";
  const ProcessResult result = Process({"/bin/bash", script, OKO_SEARCH_NODE}, {}).wait();
  if (result.status == 0) return true;
  why_not_ = "OpenSearch cannot be had here: " + result.err.substr(0, 500);
  return false;
}

bool SearchCluster::add_node() {
  Node node;
  const std::string name = "n" + std::to_string(nodes_.size());
  const std::string home = folder_ / name, output = home + ".out", errors = home + ".err";
  const std::string libraries =
      std::string(OKO_SEARCH_NODE) + "/lib/*:" + std::string(OKO_SEARCH_NODE);
  // With the quick compiler alone: the other one would do more work than it saves in a minute.
  std::vector<std::string> command{"/usr/bin/env",
                                   "java",
                                   "-Xms256m",
                                   "-Xmx256m",
                                   "-XX:+UseSerialGC",
                                   "-XX:TieredStopAtLevel=1",
                                   "-cp",
                                   libraries,
                                   "SearchNode",
                                   name,
                                   home};
  if (!nodes_.empty()) {
    command.push_back("127.0.0.1:" + std::to_string(nodes_[0].transport_port));
  }
  int input[2];
  if (::pipe(input) != 0) return false;
  ::fcntl(input[0], F_SETFD, FD_CLOEXEC);
  ::fcntl(input[1], F_SETFD, FD_CLOEXEC);
  node.input = input[1];
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC;
  ::posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), kNew, 0644);
  ::posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), kNew, 0644);
  std::vector<char*> arguments;
  for (std::string& each : command) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  ::posix_spawn(&node.process, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  for (int i = 0; i < kStartSeconds * 10; ++i) {
    if (read_ports(output, node.http_port, node.transport_port)) break;
    if (::waitpid(node.process, nullptr, WNOHANG) == node.process) {
      node.process = -1;
      ::close(node.input);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  nodes_.push_back(node);
  return node.transport_port != 0;
}

void SearchCluster::end(Node& node, int signal) {
  if (node.process < 0) return;
  ::kill(node.process, signal);
  ::waitpid(node.process, nullptr, 0);
  ::close(node.input);
  node.process = -1;
}

void SearchCluster::kill(std::size_t node) {
  end(nodes_.at(node), SIGKILL);
}

std::string SearchCluster::host(std::size_t node) const {
  return "127.0.0.1:" + std::to_string(nodes_.at(node).http_port);
}

std::string SearchCluster::hosts() const {
  std::string hosts;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    if (nodes_[i].process >= 0) hosts += (hosts.empty() ? "" : ",") + host(i);
  }
  return hosts;
}

SearchCluster& shared_cluster() {
  if (shared == nullptr) {
    shared = std::make_unique<SearchCluster>(2);
    if (!shared->why_not().empty()) std::puts(shared->why_not().c_str());
  }
  return *shared;
}

}  // namespace oko
