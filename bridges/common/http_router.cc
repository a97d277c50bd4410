#include "bridges/common/http_router.h"

#include <string_view>
#include <utility>

namespace patchbay {
namespace {

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    if (path.front() == '/') path.remove_prefix(1);
    const size_t end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    path = end == path.npos ? std::string_view() : path.substr(end);
  }
  return segments;
}

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
          std::map<std::string, std::string>& captures) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string& part = pattern[i];
    const bool is_capture = part.size() > 2 && part.front() == '{' && part.back() == '}';
    if (is_capture && part.ends_with("...}")) {
      std::string rest;
      for (size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      captures[part.substr(1, part.size() - 5)] = PercentDecoded(rest, false);
      return true;
    }
    if (i >= path.size()) return false;
    if (is_capture && !path[i].empty()) {
      captures[part.substr(1, part.size() - 2)] = PercentDecoded(path[i], false);
    } else if (path[i] != part) {
      return false;
    }
  }
  return path.size() == pattern.size();
}

}  // namespace

void HttpRouter::Add(const std::string& method, const std::string& pattern, HttpHandler handler,
                     HandlerPace pace) {
  routes_.push_back({method, SplitPath(pattern), std::move(handler), pace});
}

HttpRouter::Match HttpRouter::Find(HttpRequest& request) const {
  const std::vector<std::string> path = SplitPath(request.path);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  Match match;
  for (const Route& route : routes_) {
    std::map<std::string, std::string> captures;
    if (!Fits(route.segments, path, captures)) continue;
    match.path_exists = true;
    if (route.method != method) continue;
    request.captures = std::move(captures);
    match.handler = &route.handler;
    match.pace = route.pace;
    return match;
  }
  return match;
}

}  // namespace patchbay
