#include <algorithm>
#include <string>

#include "server/api.h"
#include "server/web_page.h"

namespace oko::server {

std::vector<Route> openapi_routes() {
  return {{"GET", "/openapi.json", [](const HttpRequest& /*http*/, HttpResponse& response) {
             const auto files = web_files();
             const auto file = std::find_if(files.begin(), files.end(), [](const WebFile& each) {
               return each.name == "openapi.json";
             });
             response.send({}, std::string(file->bytes));
           }}};
}

}  // namespace oko::server
