#include "plugins/moma/src/graph_cut.h"

// GCC 12 takes Boost's optional iterators for uninitialised ones; Clang does not know the warning.
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#pragma GCC diagnostic pop

namespace moma {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Edge = Traits::edge_descriptor;

struct Node {
  boost::default_color_type colour = boost::white_color;
  Edge predecessor;
  long distance = 0;
};

struct Arc {
  double capacity = 0;
  double residual = 0;
  Edge reverse;
};

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, Node, Arc>;

void Connect(Graph& graph, size_t one, size_t other, double there, double back) {
  const Edge forward = boost::add_edge(one, other, graph).first;
  const Edge backward = boost::add_edge(other, one, graph).first;
  graph[forward].capacity = there;
  graph[forward].reverse = backward;
  graph[backward].capacity = back;
  graph[backward].reverse = forward;
}

}  // namespace

std::vector<bool> LeastCostLabels(const std::vector<PixelCost>& pixels,
                                  const std::vector<Link>& links) {
  const size_t source = pixels.size();
  const size_t sink = source + 1;
  Graph graph(sink + 1);
  for (size_t i = 0; i < pixels.size(); ++i) {
    // Cut off from the source a pixel is the background's, cut off from the sink the subject's.
    Connect(graph, source, i, pixels[i].background, 0);
    Connect(graph, i, sink, pixels[i].subject, 0);
  }
  for (const Link& link : links) Connect(graph, link.one, link.other, link.cost, link.cost);
  boost::boykov_kolmogorov_max_flow(
      graph, boost::get(&Arc::capacity, graph), boost::get(&Arc::residual, graph),
      boost::get(&Arc::reverse, graph), boost::get(&Node::predecessor, graph),
      boost::get(&Node::colour, graph), boost::get(&Node::distance, graph),
      boost::get(boost::vertex_index, graph), source, sink);
  std::vector<bool> labels(pixels.size());
  // Black: still reached from the source.
  for (size_t i = 0; i < pixels.size(); ++i) labels[i] = graph[i].colour == boost::black_color;
  return labels;
}

}  // namespace moma
