#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::index {

/// Where a library on OpenSearch is:
/// opensearch://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/INDEX[?shards=N&replicas=N]
/// opensearch+https:// is the same by https. Characters may be written as %XX.
struct OpenSearchAddress {
  std::vector<std::string> hosts;  ///< "http://host:9200"; nodes of one cluster
  std::string index;
  std::string user = {};  ///< or of OKO_OPENSEARCH_USER and OKO_OPENSEARCH_PASSWORD
  std::string password = {};
  /// Of an index that is made: `replicas` < 0 is one if the cluster has a second node, else none.
  int shards = 1;
  int replicas = -1;

  /// For messages: without the user.
  std::string shown() const;
};

/// True if a library is named so, right or wrong.
bool is_opensearch_address(std::string_view library);

/// Throws kUsage.
OpenSearchAddress parse_opensearch_address(std::string_view library);

}  // namespace oko::index
