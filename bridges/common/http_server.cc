#include "bridges/common/http_server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/web_socket_session.h"

namespace patchbay {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace asio = boost::asio;
using tcp = boost::asio::ip::tcp;

constexpr int kInputThreads = 2;
constexpr int kShortThreads = 4;
constexpr int kLongThreads = 32;
constexpr int kMaxLongWaiting = 256;
constexpr uint32_t kMaxHeaderBytes = 64 << 10;
constexpr size_t kReadBytes = 16 << 10;  // at once; most requests are smaller

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

HttpResponse Failure(int status, const std::string& detail) {
  return {.status = status, .body = absl::StrCat("{\"detail\":\"", detail, "\"}")};
}

// What all connections of a server share.
struct Shared {
  HttpServerOptions options;
  HttpRouter router;
  WebSocketObserver* sockets = nullptr;
  asio::thread_pool short_pool{kShortThreads};
  asio::thread_pool long_pool{kLongThreads};
  std::atomic<int> connections{0};
  std::atomic<int> long_waiting{0};
};

HttpRequest Converted(http::request<http::string_body>& message) {
  HttpRequest request;
  request.method = std::string(View(message.method_string()));
  const std::string_view target = View(message.target());
  const size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != target.npos) request.query = ParseQuery(target.substr(question + 1));
  for (const auto& field : message) {
    request.headers[absl::AsciiStrToLower(std::string(View(field.name_string())))] =
        std::string(View(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

// One connection, one request at a time. Everything but handlers runs on the stream's strand.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.connections;
    buffer_.reserve(kReadBytes);
  }
  ~Connection() { --shared_.connections; }

  void Start() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->ReadHead(); });
  }

 private:
  void ReadHead() {
    parser_.emplace();
    parser_->body_limit(shared_.options.max_body_bytes);
    parser_->header_limit(kMaxHeaderBytes);
    stream_.expires_after(shared_.options.idle_timeout);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](beast::error_code error, size_t) {
                              if (error) return self->Refuse(error);
                              self->ReadBody();
                            });
  }

  void ReadBody() {
    stream_.expires_after(shared_.options.read_timeout);
    if (View(parser_->get()[http::field::expect]) == "100-continue") {
      auto go_on = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
      http::async_write(stream_, *go_on,
                        [self = shared_from_this(), go_on](beast::error_code error, size_t) {
                          if (!error) self->ReadRest();
                        });
      return;
    }
    ReadRest();
  }

  void ReadRest() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, size_t) {
                       if (error) return self->Refuse(error);
                       self->Dispatch();
                     });
  }

  // A request that could not be read: says why where that is possible, and ends.
  void Refuse(beast::error_code error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout) return Close();
    keep_alive_ = false;
    if (error == http::error::body_limit) {
      return Write(Failure(413, absl::StrCat("a request may have at most ",
                                             shared_.options.max_body_bytes, " bytes")));
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      return Write(Failure(400, "this is not an HTTP/1.1 request"));
    }
    Close();
  }

  void Dispatch() {
    stream_.expires_never();
    http::request<http::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    const bool upgrade = beast::websocket::is_upgrade(message);
    request_ = Converted(message);
    is_head_ = request_.method == "HEAD";
    if (std::optional<HttpResponse> refusal = CheckAccess(shared_.options.access, request_)) {
      return Write(*std::move(refusal));
    }
    if (!AddressIsUtf8(request_)) return Write(Failure(400, "the address is not UTF-8"));
    if (upgrade && shared_.sockets != nullptr && shared_.sockets->Accepts(request_)) {
      return RunWebSocket(std::move(stream_), std::move(message), std::move(request_),
                          *shared_.sockets);
    }
    const HttpRouter::Match match = shared_.router.Find(request_);
    if (match.handler == nullptr) {
      return Write(match.path_exists ? Failure(405, "Method Not Allowed")
                                     : Failure(404, "Not Found"));
    }
    const bool is_long = match.pace == HandlerPace::kLong;
    if (is_long && shared_.long_waiting >= kMaxLongWaiting) {
      return Write(Failure(503, "too many requests wait; try again later"));
    }
    shared_.long_waiting += is_long;
    asio::post(is_long ? shared_.long_pool : shared_.short_pool,
               [self = shared_from_this(), handler = match.handler, is_long] {
                 HttpResponse response = self->Handled(*handler);
                 self->shared_.long_waiting -= is_long;
                 asio::post(self->stream_.get_executor(),
                            [self, response = std::move(response)]() mutable {
                              self->Write(std::move(response));
                            });
               });
  }

  // JSON accessors throw on what a handler did not expect; a client must not end the process.
  HttpResponse Handled(const HttpHandler& handler) const {
    try {
      return handler(request_);
    } catch (const std::exception& error) {
      std::string text;
      for (const char c : std::string_view(error.what())) {
        text += c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? '\'' : c;
      }
      return Failure(400, absl::StrCat("the request could not be read: ", text));
    }
  }

  void Write(HttpResponse response) {
    AddCorsHeaders(shared_.options.access, request_, response);
    auto message = std::make_shared<http::response<http::string_body>>(
        static_cast<http::status>(response.status), 11);
    if (response.status != 204) message->set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message->set(name, value);
    message->keep_alive(keep_alive_);
    const size_t length = response.body.size();
    if (!is_head_) message->body() = std::move(response.body);
    message->prepare_payload();
    if (is_head_) message->content_length(length);
    stream_.expires_after(shared_.options.read_timeout);
    http::async_write(stream_, *message,
                      [self = shared_from_this(), message](beast::error_code error, size_t) {
                        if (error || !self->keep_alive_) return self->Close();
                        self->ReadHead();
                      });
  }

  void Close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(const HttpServerOptions& options, HttpRouter router,
                       WebSocketObserver* sockets)
      : acceptor_(asio::make_strand(input_)) {
    shared_.options = options;
    shared_.router = std::move(router);
    shared_.sockets = sockets;
  }

  ~BeastServer() override {
    input_.stop();
    for (std::thread& thread : threads_) thread.join();
    if (shared_.sockets != nullptr) shared_.sockets->OnShutDown();
    // Handlers that have not begun are dropped, the others are waited for.
    for (asio::thread_pool* pool : {&shared_.short_pool, &shared_.long_pool}) {
      pool->stop();
      pool->join();
    }
  }

  absl::Status Listen() {
    const std::string& address = shared_.options.address;
    const size_t colon = address.rfind(':');
    int port = 0;
    beast::error_code error;
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    const asio::ip::address ip = asio::ip::make_address(host, error);
    if (error || colon == address.npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
        port < 0 || port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", address, "\" is no address; it should be such as 127.0.0.1:7860"));
    }
    const tcp::endpoint endpoint(ip, static_cast<uint16_t>(port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen at ", address, ": ", error.message()));
    }
    address_ = absl::StrCat(address.substr(0, colon), ":", acceptor_.local_endpoint().port());
    shared_.options.access.on_loopback = ip.is_loopback();
    Accept();
    for (int i = 0; i < kInputThreads; ++i) threads_.emplace_back([this] { input_.run(); });
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(input_),
                           [this](beast::error_code error, tcp::socket socket) {
                             if (error == asio::error::operation_aborted) return;
                             if (!error && shared_.connections < shared_.options.max_connections) {
                               beast::error_code ignored;
                               socket.set_option(tcp::no_delay(true), ignored);
                               std::make_shared<Connection>(std::move(socket), shared_)->Start();
                             }
                             Accept();
                           });
  }

  // The pools come first: connections, which live in `input_`, must end before them.
  Shared shared_;
  asio::io_context input_;
  tcp::acceptor acceptor_;
  std::vector<std::thread> threads_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              HttpRouter router,
                                                              WebSocketObserver* sockets) {
  auto server = std::make_unique<BeastServer>(options, std::move(router), sockets);
  const absl::Status status = server->Listen();
  if (!status.ok()) return status;
  return server;
}

}  // namespace patchbay
