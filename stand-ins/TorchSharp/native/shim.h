// The C ABI between libtorch and TorchSharp's C# binding.
//
// Every tensor operation goes through one entry, THSTorch_call: libtorch's dispatcher finds an operator by its name
// ("aten::add.Tensor"), knows its parameters and their defaults, and takes boxed arguments. What is no dispatcher
// operator (lifetime, metadata, autograd's engine, random generators, devices) has an entry of its own.
//
// No exception crosses the boundary: an entry that can fail returns its failure value (null or -1) and leaves the
// message for THSTorch_get_and_reset_last_err on the same thread.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <string>

#define EXPORT_API(type) extern "C" __attribute__((visibility("default"))) type

namespace shim {

using at::Tensor;

// Message of the last failure on this thread; empty when there is none.
extern thread_local std::string last_error;

// Hands ownership of a tensor to the caller; an undefined tensor is null.
inline Tensor* release(Tensor tensor) {
    return tensor.defined() ? new Tensor(std::move(tensor)) : nullptr;
}

// Runs body; on a C++ exception stores libtorch's message, without the C++ backtrace, and returns failure.
template <typename T, typename Body>
T guarded(T failure, Body&& body) noexcept {
    try {
        return body();
    } catch (const c10::Error& e) {
        last_error = e.what_without_backtrace();
    } catch (const std::exception& e) {
        last_error = e.what();
    } catch (...) {
        last_error = "libtorch failed with an exception of an unknown type";
    }
    if (last_error.empty()) last_error = "libtorch failed without a message";
    return failure;
}

}  // namespace shim
