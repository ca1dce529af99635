// SPDX-License-Identifier: Apache-2.0
// How libFuzzer changes ONNX files: fields instead of bytes, so that what comes out is a protobuf message again and the
// rules behind the parser see it. One change in sixteen is left to libFuzzer's bytes.
#include <google/protobuf/message.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void change(Message& model) {
    messages_.clear();
    strings_.clear();
    collect(model);
    Message& message = *any(messages_);
    const int count = message.GetDescriptor()->field_count();
    if (count == 0) return;
    const FieldDescriptor& field = *message.GetDescriptor()->field(static_cast<int>(random_() % unsigned(count)));
    field.is_repeated() ? change_list(message, field) : change_single(message, field);
  }

 private:
  template <class T>
  T& any(std::vector<T>& list) {
    return list[random_() % list.size()];
  }

  void collect(Message& message) {
    messages_.push_back(&message);
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const bool is_list = field->is_repeated();
      const int count = is_list ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          collect(is_list ? *reflection.MutableRepeatedMessage(&message, field, i)
                          : *reflection.MutableMessage(&message, field));
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
          strings_.push_back(is_list ? reflection.GetRepeatedString(message, field, i)
                                     : reflection.GetString(message, field));
        }
      }
    }
  }

  std::int64_t integer(std::int64_t now) {
    constexpr std::int64_t kLikely[] = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        4,
                                        5,
                                        7,
                                        8,
                                        10,
                                        16,
                                        64,
                                        1 << 20,
                                        std::int64_t{1} << 31,
                                        std::int64_t{1} << 40,
                                        std::numeric_limits<std::int64_t>::max(),
                                        std::numeric_limits<std::int64_t>::min()};
    switch (random_() % 4) {
      case 0:
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) + 1);
      case 1:
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - 1);
      default:
        return kLikely[random_() % std::size(kLikely)];
    }
  }
  double real(double now) {
    const double likely[] = {0,
                             1,
                             -1,
                             0.5,
                             1e-9,
                             1e9,
                             -now,
                             now * 2,
                             std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(),
                             1e-42};
    return likely[random_() % std::size(likely)];
  }
  // Another name of the file, or these bytes changed.
  std::string text(std::string now) {
    if (!strings_.empty() && random_() % 2 == 0) return any(strings_);
    now.resize(now.size() + 8);
    now.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(now.data()), now.size() - 8, now.size()));
    return now;
  }
  // Another message of this kind from the file.
  const Message* donor(const google::protobuf::Descriptor* kind) {
    std::vector<const Message*> same;
    for (const Message* message : messages_) {
      if (message->GetDescriptor() == kind) same.push_back(message);
    }
    return same.empty() ? nullptr : any(same);
  }

  void change_list(Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const int count = reflection.FieldSize(message, &field);
    const auto place = [&] { return static_cast<int>(random_() % static_cast<unsigned>(count)); };
    switch (random_() % 4) {
      case 0:
        if (count > 0) reflection.SwapElements(&message, &field, place(), count - 1);
        return;
      case 1:
        if (count == 0) return;
        reflection.SwapElements(&message, &field, place(), count - 1);
        return reflection.RemoveLast(&message, &field);
      case 2:
        return add(message, field);
      default:
        if (count > 0) set(message, field, place());
    }
  }

  void add(Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.AddInt64(&message, &field, integer(2));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.AddInt32(&message, &field, int(integer(2)));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection.AddFloat(&message, &field, float(real(1)));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.AddString(&message, &field, text(""));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (const Message* from = donor(field.message_type())) {
          const std::string bytes = from->SerializePartialAsString();  // the list may move it
          reflection.AddMessage(&message, &field)->ParsePartialFromString(bytes);
        }
        return;
      default:
        return;
    }
  }

  void set(Message& message, const FieldDescriptor& field, int i) {
    const Reflection& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return r.SetRepeatedInt64(&message, &field, i, integer(r.GetRepeatedInt64(message, &field, i)));
      case FieldDescriptor::CPPTYPE_INT32:
        return r.SetRepeatedInt32(&message, &field, i, int(integer(r.GetRepeatedInt32(message, &field, i))));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return r.SetRepeatedFloat(&message, &field, i, float(real(r.GetRepeatedFloat(message, &field, i))));
      case FieldDescriptor::CPPTYPE_STRING:
        return r.SetRepeatedString(&message, &field, i, text(r.GetRepeatedString(message, &field, i)));
      default:
        return;
    }
  }

  void change_single(Message& message, const FieldDescriptor& field) {
    const Reflection& r = *message.GetReflection();
    if (random_() % 8 == 0) return r.ClearField(&message, &field);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return r.SetInt64(&message, &field, integer(r.GetInt64(message, &field)));
      case FieldDescriptor::CPPTYPE_INT32:
        return r.SetInt32(&message, &field, int(integer(r.GetInt32(message, &field))));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return r.SetFloat(&message, &field, float(real(r.GetFloat(message, &field))));
      case FieldDescriptor::CPPTYPE_STRING:
        return r.SetString(&message, &field, text(r.GetString(message, &field)));
      case FieldDescriptor::CPPTYPE_ENUM:
        return r.SetEnumValue(&message, &field, int(random_() % 24));
      default:
        return;
    }
  }

  std::mt19937 random_;
  std::vector<Message*> messages_;
  std::vector<std::string> strings_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  onnx::ModelProto model;
  if (random() % 16 == 0 || !model.ParseFromArray(data, static_cast<int>(size)))
    return LLVMFuzzerMutate(data, size, most);
  Mutator mutator(static_cast<unsigned>(random()));
  for (unsigned n = 1 + random() % 3; n > 0; --n) mutator.change(model);
  const std::string bytes = model.SerializePartialAsString();
  if (bytes.empty() || bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
