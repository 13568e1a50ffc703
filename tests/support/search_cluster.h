#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace oko {

/// OpenSearch on this machine, for tests: nodes in processes of their own.
class SearchCluster {
 public:
  /// Starts a cluster of so many nodes, or tells `why_not` it cannot: no Java, no Maven, no
  /// network.
  explicit SearchCluster(int nodes);
  ~SearchCluster();
  SearchCluster(const SearchCluster&) = delete;
  SearchCluster& operator=(const SearchCluster&) = delete;

  const std::string& why_not() const { return why_not_; }

  /// "127.0.0.1:1,127.0.0.1:2"
  std::string hosts() const;
  std::string host(std::size_t node) const;
  /// As a machine that loses its power; not the first one, which leads the cluster.
  void kill(std::size_t node);
  /// Adds a node in place of one that was killed. Returns false if it does not come.
  bool add_node();

 private:
  struct Node {
    pid_t process = -1;
    int input = -1;  ///< the node ends when it is closed
    int http_port = 0;
    int transport_port = 0;
  };

  bool prepare();
  void end(Node& node, int signal);

  std::filesystem::path folder_;
  std::string why_not_;
  std::vector<Node> nodes_;
};

/// The cluster of two nodes that all tests of a program share, started by the first.
SearchCluster& shared_cluster();

}  // namespace oko
