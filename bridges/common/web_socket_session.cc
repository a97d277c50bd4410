#include "bridges/common/web_socket_session.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket.hpp>
#include <utility>

namespace patchbay {
namespace {

namespace beast = boost::beast;
namespace asio = boost::asio;

constexpr size_t kMaxMessageBytes = 16u << 20;
// What a client may leave unread before its connection is closed.
constexpr size_t kMaxWaiting = 4096;
constexpr size_t kMaxWaitingBytes = 32u << 20;
// Events of a step come in bursts; a client with more than these waiting cannot keep up.
constexpr size_t kBehind = 16;

class Session final : public WebSocket, public std::enable_shared_from_this<Session> {
 public:
  Session(beast::tcp_stream stream, HttpRequest request, WebSocketObserver& observer)
      : socket_(std::move(stream)), request_(std::move(request)), observer_(observer) {}

  void Run(const beast::http::request<beast::http::string_body>& upgrade) {
    beast::get_lowest_layer(socket_).expires_never();
    socket_.set_option(beast::websocket::stream_base::timeout::suggested(beast::role_type::server));
    socket_.read_message_max(kMaxMessageBytes);
    socket_.async_accept(upgrade, [self = shared_from_this()](beast::error_code error) {
      if (error) return;
      self->open_ = true;
      self->observer_.OnOpen(self, self->request_);
      self->Read();
    });
  }

  void SendText(std::string text, SendRule rule) override {
    Send({std::move(text), /*binary=*/false}, rule);
  }
  void SendBinary(std::string bytes, SendRule rule) override {
    Send({std::move(bytes), /*binary=*/true}, rule);
  }
  void Close() override {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (self->open_) beast::get_lowest_layer(self->socket_).close();
    });
  }

 private:
  struct Message {
    std::string bytes;
    bool binary = false;
  };

  void Read() {
    socket_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (error) return self->End();
      if (self->socket_.got_text()) {
        self->observer_.OnText(self, beast::buffers_to_string(self->buffer_.data()));
      }
      self->buffer_.consume(self->buffer_.size());
      self->Read();
    });
  }

  void Send(Message message, SendRule rule) {
    asio::post(socket_.get_executor(), [self = shared_from_this(), message = std::move(message),
                                        rule]() mutable { self->Queue(std::move(message), rule); });
  }

  void Queue(Message message, SendRule rule) {
    if (!open_ || (rule == SendRule::kUnlessBehind && waiting_.size() > kBehind)) return;
    // One message alone may be larger: pictures are sent this way.
    const bool too_much =
        waiting_.size() >= kMaxWaiting || waiting_bytes_ + message.bytes.size() > kMaxWaitingBytes;
    if (too_much && !waiting_.empty()) return beast::get_lowest_layer(socket_).close();
    waiting_bytes_ += message.bytes.size();
    waiting_.push_back(std::move(message));
    if (waiting_.size() == 1) Write();
  }

  void Write() {
    socket_.binary(waiting_.front().binary);
    socket_.async_write(asio::buffer(waiting_.front().bytes),
                        [self = shared_from_this()](beast::error_code error, size_t) {
                          if (error) return self->End();
                          self->waiting_bytes_ -= self->waiting_.front().bytes.size();
                          self->waiting_.pop_front();
                          if (!self->waiting_.empty()) self->Write();
                        });
  }

  void End() {
    if (!std::exchange(open_, false)) return;
    beast::get_lowest_layer(socket_).close();
    observer_.OnClose(shared_from_this());
  }

  beast::websocket::stream<beast::tcp_stream> socket_;
  const HttpRequest request_;
  WebSocketObserver& observer_;
  beast::flat_buffer buffer_;
  std::deque<Message> waiting_;  // the front one is being written
  size_t waiting_bytes_ = 0;
  bool open_ = false;
};

}  // namespace

void RunWebSocket(beast::tcp_stream stream, beast::http::request<beast::http::string_body> upgrade,
                  HttpRequest request, WebSocketObserver& observer) {
  std::make_shared<Session>(std::move(stream), std::move(request), observer)->Run(upgrade);
}

}  // namespace patchbay
