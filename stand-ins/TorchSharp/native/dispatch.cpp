// Calls any operator that libtorch's dispatcher knows, by name, with boxed arguments.
#include "shim.h"

#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <algorithm>
#include <cstdlib>

using namespace shim;

namespace {

enum class Kind : int32_t {
    none, tensor, integer, real, boolean, complex, integers, reals, booleans, tensors, optional_tensors, string, device, generator
};

// One argument or result. For lists and strings `pointer` is the first element and `length` the count; for a complex
// number `pointer` is two doubles; for a device `integer` is type * 256 + index, with 255 for "no index".
struct Value {
    Kind kind;
    int32_t length;
    union {
        int64_t integer;
        double real;
        void* pointer;
    };
};

template <typename T, typename E>
c10::List<T> list_of(const Value& value) {
    c10::List<T> list;
    list.reserve(value.length);
    auto* elements = static_cast<const E*>(value.pointer);
    for (int32_t i = 0; i < value.length; i++) list.push_back(static_cast<T>(elements[i]));
    return list;
}

// The schema decides what a number becomes: kernels reject an integer where they declare a float.
c10::IValue number(const Value& value, const c10::Type& type) {
    if (auto* optional = type.castRaw<c10::OptionalType>()) return number(value, *optional->getElementType());
    bool wants_float = type.kind() == c10::TypeKind::FloatType;
    if (value.kind == Kind::integer) return wants_float ? c10::IValue(static_cast<double>(value.integer)) : c10::IValue(value.integer);
    return value.real;
}

c10::IValue box(const Value& value, const c10::Argument& argument) {
    switch (value.kind) {
        case Kind::none: return {};
        case Kind::tensor: return *static_cast<Tensor*>(value.pointer);
        case Kind::integer:
        case Kind::real: return number(value, *argument.type());
        case Kind::boolean: return value.integer != 0;
        case Kind::complex: {
            auto* parts = static_cast<const double*>(value.pointer);
            return c10::complex<double>(parts[0], parts[1]);
        }
        case Kind::integers: return list_of<int64_t, int64_t>(value);
        case Kind::reals: return list_of<double, double>(value);
        case Kind::booleans: return list_of<bool, uint8_t>(value);
        case Kind::tensors: {
            c10::List<Tensor> list;
            list.reserve(value.length);
            for (int32_t i = 0; i < value.length; i++) list.push_back(*static_cast<Tensor**>(value.pointer)[i]);
            return list;
        }
        case Kind::optional_tensors: {
            auto list = c10::impl::GenericList(c10::OptionalType::create(c10::TensorType::get()));
            list.reserve(value.length);
            for (int32_t i = 0; i < value.length; i++) {
                auto* tensor = static_cast<Tensor**>(value.pointer)[i];
                list.push_back(tensor ? c10::IValue(*tensor) : c10::IValue());
            }
            return list;
        }
        case Kind::string: return std::string(static_cast<const char*>(value.pointer), value.length);
        case Kind::device: {
            auto index = value.integer % 256;
            return c10::Device(static_cast<c10::DeviceType>(value.integer / 256), static_cast<c10::DeviceIndex>(index == 255 ? -1 : index));
        }
        case Kind::generator: return *static_cast<at::Generator*>(value.pointer);
    }
    TORCH_CHECK(false, "argument '", argument.name(), "' has an unknown kind");
}

Value unbox(const c10::IValue& value) {
    Value result{Kind::none, 0, {0}};
    if (value.isTensor()) {
        result.kind = Kind::tensor;
        result.pointer = release(value.toTensor());
    } else if (value.isInt()) {
        result.kind = Kind::integer;
        result.integer = value.toInt();
    } else if (value.isDouble()) {
        result.kind = Kind::real;
        result.real = value.toDouble();
    } else if (value.isBool()) {
        result.kind = Kind::boolean;
        result.integer = value.toBool();
    } else if (value.isTensorList()) {
        auto list = value.toTensorVector();
        result.kind = Kind::tensors;
        result.length = static_cast<int32_t>(list.size());
        auto** elements = static_cast<Tensor**>(std::malloc(sizeof(Tensor*) * list.size() + 1));
        for (size_t i = 0; i < list.size(); i++) elements[i] = release(std::move(list[i]));
        result.pointer = elements;
    } else {
        TORCH_CHECK(value.isNone(), "a result of type ", value.tagKind(), " cannot be returned");
    }
    return result;
}

}  // namespace

// Finds "aten::name" or "aten::name.overload"; the result stays valid for the life of the process.
EXPORT_API(const c10::OperatorHandle*) THSTorch_find_operator(const char* qualified_name) {
    return guarded<const c10::OperatorHandle*>(nullptr, [&] {
        std::string name(qualified_name), overload;
        auto dot = name.find('.');
        if (dot != std::string::npos) {
            overload = name.substr(dot + 1);
            name.resize(dot);
        }
        auto found = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(found.has_value(), "this libtorch has no operator ", qualified_name);
        return new c10::OperatorHandle(*found);
    });
}

// Calls op; parameters beyond `count` take the schema's defaults. Returns the number of results, of which `results` gets
// the first `capacity`: a caller that wants none, for an in-place operator, gives 0.
EXPORT_API(int32_t) THSTorch_call(const c10::OperatorHandle* op, const Value* arguments, int32_t count, Value* results, int32_t capacity) {
    return guarded<int32_t>(-1, [&] {
        const auto& parameters = op->schema().arguments();
        TORCH_CHECK(static_cast<size_t>(count) <= parameters.size(), op->schema().name(), " takes ", parameters.size(), " arguments, not ", count);
        c10::Stack stack;
        stack.reserve(parameters.size());
        for (size_t i = 0; i < parameters.size(); i++) {
            if (i < static_cast<size_t>(count)) {
                stack.push_back(box(arguments[i], parameters[i]));
            } else {
                const auto& fallback = parameters[i].default_value();
                TORCH_CHECK(fallback.has_value(), op->schema().name(), " needs argument '", parameters[i].name(), "'");
                stack.push_back(*fallback);
            }
        }
        op->callBoxed(&stack);
        auto wanted = std::min(stack.size(), static_cast<size_t>(capacity));
        for (size_t i = 0; i < wanted; i++) results[i] = unbox(stack[i]);
        return static_cast<int32_t>(stack.size());
    });
}

// Frees the array of a tensor-list result; the tensors in it belong to the caller.
EXPORT_API(void) THSTorch_free(void* array) { std::free(array); }
