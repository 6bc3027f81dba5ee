// What people ask on the administrative socket.
#include "src/broker/admin_views.h"
#include "src/broker/core.h"

namespace eventmq {

bool Broker::State::only_for_administrators(const MessageArrived& event) {
  if (event.side == Side::kAdministrative) return true;
  error(event, ErrorCode::kForbidden, "administrative commands go to the administrative socket");
  return false;
}

// The published answers carry nothing but the JSON; ours also say which question they answer.
void Broker::State::answer_published(const MessageArrived& event, std::string_view json) {
  send(event.side, event.peer, Reply{Bytes(json), Bytes()});
}

// Whatever the question made the broker record is durable before its answer leaves.
void Broker::State::answer(const MessageArrived& event, std::string_view json) {
  send(event.side, event.peer, Reply{Bytes(json), event.message.id}, out_->commit);
}
void Broker::State::answer(const Asker& asker, std::string_view json) {
  send(asker.side, asker.peer, Reply{Bytes(json), asker.message_id}, out_->commit);
}

void Broker::State::on_message(const MessageArrived&, Hello&) {}

void Broker::State::on_message(const MessageArrived& event, StatusQuery&) {
  if (only_for_administrators(event)) answer_published(event, AdminViews{*this}.published_status());
}

void Broker::State::on_message(const MessageArrived& event, ShowWorkers&) {
  if (only_for_administrators(event)) answer_published(event, AdminViews{*this}.published_workers());
}

void Broker::State::on_message(const MessageArrived& event, ShowSchedulers&) {
  if (only_for_administrators(event)) answer_published(event, AdminViews{*this}.published_schedulers());
}

void Broker::State::on_message(const MessageArrived& event, Query& query) {
  if (query.what == "result" && event.side != Side::kBackend) return result_by_query(event, query);
  if (!only_for_administrators(event)) return;
  if (change_many(event, query)) return;
  if (query.what == "cancel") return cancel_by_query(event, query.arguments.view());
  if (change_by_query(event, query) || ask_for_dead(event, query) || ask_for_view(event, query)) return;
  Result<std::string> json = AdminViews{*this}.view(query.what.view(), query.arguments.view());
  if (!json) return error(event, json.error().code, json.error().text);
  answer(event, *json);
}

void Broker::State::cancel_by_query(const MessageArrived& event, std::string_view arguments) {
  const Result<std::string> text = AdminViews::job_id(arguments);
  if (!text) return error(event, text.error().code, text.error().text);
  const Bytes id(*text);
  if (!jobs_.find(*text) && ask_to_cancel(event, id, true)) return;
  cancel_for({Asker::Wants::kCancelByQuery, event.side, event.peer, event.message.id, Bytes(), id});
}

}  // namespace eventmq
